"""What the worker does by itself: each task calls what does the work."""

import uuid

from procrastinate import JobContext, RetryStrategy, builtin_tasks
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Status

from segments import recounting, settling
from segments.importing import uploads
from segments.models import Client, Import
from segments.models.changes import Actor
from segments.store import editing

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


@app.task(lock="imports", retry=RetryStrategy(max_attempts=5, wait=10))
def run_import(import_id: int, upload: str, client_id: int) -> None:
    """Load a file that was sent, one after the other."""
    row = Import.objects.get(pk=import_id)
    client = Client.objects.filter(pk=client_id).first()
    uploads.load(row, upload, Actor(client=client) if client else Actor(command="import"))


@app.periodic(cron="47 * * * *")
@app.task(queueing_lock="remove_abandoned_uploads")
def remove_abandoned_uploads(timestamp: int) -> None:
    """Remove files that were sent and that no job will load."""
    waiting = ProcrastinateJob.objects.filter(status__in=("todo", "doing"), task_name=run_import.name)
    uploads.discard_abandoned({job.args["upload"] for job in waiting})


@app.periodic(cron="17 3 * * *")
@app.task(queueing_lock="remove_old_jobs", pass_context=True)
async def remove_old_jobs(context: JobContext, timestamp: int) -> None:
    """Remove what is left of jobs that ended days ago."""
    await builtin_tasks.remove_old_jobs(
        context, max_hours=72, remove_failed=True, remove_cancelled=True, remove_aborted=True
    )
