"""The operations about what the worker does."""

from services.catalog.openapi import jobs as document
from services.catalog.openapi.answers import BODY, DOWN, ONE
from services.catalog.operations.operation import Document, Operation
from services.catalog.routes import jobs
from services.catalog.tokens import Role


def operations() -> tuple[Operation, ...]:
    return (
        Operation(
            "GET",
            "/jobs",
            jobs.list_jobs,
            Role.ADMIN,
            document=Document(
                "listJobs",
                "List the jobs of the last week",
                "jobs",
                {200: "Jobs", 400: "Refused", **DOWN},
                document.list_parameters(),
            ),
        ),
        Operation(
            "GET",
            "/job-kinds",
            jobs.list_job_kinds,
            Role.ADMIN,
            document=Document(
                "getJobKinds",
                "List what can be requested: what each job does and takes, and when it runs by itself",
                "jobs",
                {200: "JobKinds", **DOWN},
            ),
        ),
        Operation(
            "GET",
            "/jobs/{job}",
            jobs.get_job,
            Role.WRITE,
            document=Document(
                "getJob",
                "Look at a job",
                "jobs",
                {200: "Jobs", **ONE},
                (document.id_parameter(),),
            ),
        ),
        Operation(
            "POST",
            "/jobs/{job}",
            jobs.post_job,
            Role.ADMIN,
            document=Document(
                "startJob",
                "Ask for a job",
                "jobs",
                {202: "Asked", **BODY, **ONE},
                (document.name_parameter(),),
                body=document.arguments(),
            ),
        ),
        Operation(
            "POST",
            "/jobs/{job}/cancel",
            jobs.cancel_job,
            Role.WRITE,
            document=Document(
                "cancelJob",
                "Cancel a job that has not ended: one that waits never begins, one that runs stops between two entries",
                "jobs",
                {200: "Cancelled", 202: "Cancelling", 409: "JobEnded", **BODY, **ONE},
                (document.id_parameter(),),
            ),
        ),
    )
