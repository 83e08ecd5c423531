"""What the worker does by itself: each task calls what does the work."""

import uuid
from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone
from procrastinate import BaseRetryStrategy, JobContext, RetryDecision, RetryStrategy, builtin_tasks
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob, ProcrastinateWorker
from procrastinate.exceptions import JobAborted, UniqueViolation
from procrastinate.jobs import Job, Status

from segments import recounting, settling
from segments.importing import background, uploads
from segments.importing.options import Options
from segments.importing.progress import HandedBack
from segments.models import Client, Import
from segments.models.changes import Actor
from segments.store import editing

HEARD_OF = timedelta(seconds=35)

# The last place of a schedule is the seconds; a lock keeps a second one of the kind out of the queue.


@app.periodic(cron="* * * * * */2")
@app.task(queueing_lock="recount_sizes", retry=RetryStrategy(wait=10))
def recount_sizes(timestamp: int) -> None:
    """Recount the segments soon after audiences or the catalogue changed."""
    recounting.recount_if_behind()


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="order_ids", retry=RetryStrategy(wait=60))
def order_ids(timestamp: int) -> None:
    """Write the ids of audiences in order again soon after many came, for exports."""
    editing.make_if_due()


@app.task(lock="settle_values", retry=RetryStrategy(wait=10))
def settle_values(attribute_id: str) -> None:
    """Rewrite what has an older text of an attribute's values."""
    settling.settle(uuid.UUID(attribute_id), Actor(command="worker"))


def settle_later(attribute_id: uuid.UUID) -> None:
    """Have that done; call it in the transaction that renames or merges a value."""
    settle_values.defer(attribute_id=str(attribute_id))


@app.periodic(cron="* * * * * */10")
@app.task(queueing_lock="retry_stalled_jobs", pass_context=True)
async def retry_stalled_jobs(context: JobContext, timestamp: int) -> None:
    """Begin again what a worker was at that was killed, unless the same waits already."""
    jobs = context.app.job_manager
    for job in await jobs.get_stalled_jobs():
        try:
            await jobs.retry_job(job)
        except UniqueViolation:
            await jobs.finish_job(job, Status.ABORTED, delete_job=True)


class Tries(BaseRetryStrategy):
    """Five of what fails; what the worker hands back when it ends is gone on with at once."""

    failing = RetryStrategy(max_attempts=5, wait=10)

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if isinstance(exception, JobAborted):
            return RetryDecision(retry_in={"seconds": 0})
        return self.failing.get_retry_decision(exception=exception, job=job)


@app.task(lock="imports", retry=Tries(), pass_context=True)
def run_import(context: JobContext, import_id: int, client_id: int | None = None, staff_id: int | None = None) -> None:
    """Load a file that was sent, one after the other."""
    client = Client.objects.filter(pk=client_id).first() if client_id else None
    staff = User.objects.filter(pk=staff_id).first() if staff_id else None
    actor = Actor(client=client, staff=staff) if client or staff else Actor(command="import")
    # Whoever stops it writes that meanwhile: it is not to be overwritten with the row.
    row = Import.objects.defer("stopped_by").get(pk=import_id)
    try:
        background.load(row, actor, context.should_abort)
    except HandedBack:
        raise JobAborted from None


def import_later(
    kind: str, file: str, upload: str, options: Options, actor: Actor, rehearsal: Import | None = None
) -> Import:
    """Have that done to a file that is kept; call it in a transaction. The row says how far it is."""
    row = Import.objects.create(
        kind=kind, file=file, upload=upload, owner_id=options.owner_id, options=options.given, dry_run=options.dry_run,
        state=Import.State.QUEUED, actor=str(actor), rehearsal=rehearsal,
    )  # fmt: skip
    defer(row, actor)
    return row


def defer(row: Import, actor: Actor) -> None:
    """Have a row's import done."""
    client_id = actor.client.pk if actor.client else None
    staff_id = actor.staff.pk if actor.staff else None
    run_import.defer(import_id=row.pk, client_id=client_id, staff_id=staff_id)


def is_at_work(row: Import) -> bool:
    """Whether a worker has taken the row's import."""
    jobs = ProcrastinateJob.objects.filter(task_name=run_import.name, status="doing")
    return jobs.filter(args__import_id=row.pk).exists()


def somebody_works() -> bool:
    """Whether there is a worker, going by what workers say of themselves every ten seconds."""
    return ProcrastinateWorker.objects.filter(last_heartbeat__gt=timezone.now() - HEARD_OF).exists()


@app.periodic(cron="47 * * * *")
@app.task(queueing_lock="remove_abandoned_uploads")
def remove_abandoned_uploads(timestamp: int) -> None:
    """Remove files that were sent and that nobody needs any more."""
    uploads.discard_abandoned()


@app.periodic(cron="17 3 * * *")
@app.task(queueing_lock="remove_old_jobs", pass_context=True)
async def remove_old_jobs(context: JobContext, timestamp: int) -> None:
    """Remove what is left of jobs that ended days ago."""
    await builtin_tasks.remove_old_jobs(
        context, max_hours=72, remove_failed=True, remove_cancelled=True, remove_aborted=True
    )
