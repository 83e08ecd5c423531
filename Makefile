# Needs nothing but make and Python 3.11 or newer with venv; PYTHON names another Python than python3.
PYTHON ?= python3
BIN = .venv/bin
INSTALL = @$(PYTHON) -m a2service.install requirements.lock
COMPILE = $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --custom-compile-command "make lock" -q
LIKE_PRODUCTION = A2_PRODUCTION=on ALLOWED_HOSTS=a2.example.com DATABASE_URL=postgres://a2@db.example.com/a2 \
	SECRET_KEY=only-for-this-check-only-for-this-check-only-for-this-check-0123456789

.PHONY: help run stop reset token demo test nightly check bench lock messages pictures installed developing

help: ## show this
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' Makefile

run: installed ## start everything on PORT (8000) and stay; Ctrl-C stops it
	@$(BIN)/python manage.py run

stop: installed ## stop it from another terminal, or after it was killed
	@$(BIN)/python manage.py stop

reset: installed ## stop it and delete its database and credentials (YES=1: do not ask)
	@$(BIN)/python manage.py stop --delete $(if $(YES),--yes)

token: ## print an access token of the demo client (make -s token)
	@test -x $(BIN)/python || { echo 'There is no demo client yet; type: make run' >&2; exit 2; }
	@$(BIN)/python manage.py issue_token demo

demo: installed ## the whole story on a throwaway database, checked, and everything stopped
	@$(BIN)/python manage.py demo

test: installed ## all tests; ARGS="-k name" for some
	$(BIN)/pytest -n auto --dist worksteal $(ARGS)

nightly: installed ## what takes half an hour: the engine under many processes, kills and 20,000 steps
	$(BIN)/pytest -n 0 -s --timeout 3600 --steps 20000 --seconds 600 --kills 100 --cuts 200 --every 1 $(ARGS) \
		segments/tests/test_state_machine.py segments/tests/test_delta_protocol.py segments/tests/test_killed_processes.py \
		segments/tests/test_import_resume.py segments/tests/test_renaming_crowd.py segments/tests/test_import_real_data.py

check: developing ## format, types, layers, migrations, production settings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy a2service segments manage.py
	$(BIN)/lint-imports
	@echo manage.py makemigrations --check
	@DATABASE_URL=postgres://%2Fnowhere/none $(BIN)/python -W ignore manage.py makemigrations --check --dry-run
	@echo manage.py check --deploy --fail-level WARNING
	@$(LIKE_PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING

bench: installed ## every job beside its peers on SIZE audiences (1000000), made once under A2_LOCAL_DIR
	@$(BIN)/python -m bench $(ARGS)

messages: installed ## bring the Korean translation up to date with the code, and compile it
	@$(BIN)/python -m a2service.messages

pictures: installed ## take the pictures of the admin that the documentation shows; needs a Chromium
	@$(BIN)/python -m segments.tests.pictures

lock: developing ## write the lock files from requirements.txt and requirements-dev.txt
	$(COMPILE) requirements.txt -o requirements.lock
	$(COMPILE) requirements-dev.txt -o requirements-dev.lock

installed:
	$(INSTALL)

developing:
	$(INSTALL) requirements-dev.lock
