"""The operations for webhooks. They tell of all namespaces, and have secrets, so even reading requires `admin`."""

from services.catalog.openapi import webhooks as document
from services.catalog.openapi.answers import BODY, DOWN, ONE
from services.catalog.operations.operation import Document, Operation
from services.catalog.routes import webhooks
from services.catalog.tokens import Role
from services.core.serving.web import Answer

_ROOT, _ONE = "/webhooks", "/webhooks/{webhook}"
_ID = (document.ID,)


def operations() -> tuple[Operation, ...]:
    def operation(method: str, path: str, handler: Answer, described: Document) -> Operation:
        return Operation(method, path, handler, Role.ADMIN, document=described)

    return (
        operation(
            "GET",
            _ROOT,
            webhooks.list_webhooks,
            Document("listWebhooks", "List the webhooks", "webhooks", {200: "Webhooks", **DOWN}),
        ),
        operation(
            "POST",
            _ROOT,
            webhooks.post_webhook,
            Document(
                "createWebhook",
                "Register a webhook",
                "webhooks",
                {201: "WebhookWithSecret", **BODY, **DOWN},
                body=document.body("WantedWebhook"),
            ),
        ),
        operation(
            "GET",
            _ONE,
            webhooks.get_webhook,
            Document("getWebhook", "Look at a webhook", "webhooks", {200: "Webhooks", **ONE}, _ID),
        ),
        operation(
            "PATCH",
            _ONE,
            webhooks.patch_webhook,
            Document(
                "changeWebhook",
                "Change a webhook, or pause it",
                "webhooks",
                {200: "Webhooks", **BODY, **ONE},
                _ID,
                body=document.body("ChangeOfWebhook"),
            ),
        ),
        operation(
            "DELETE",
            _ONE,
            webhooks.delete_webhook,
            Document(
                "deleteWebhook",
                "Remove a webhook with all that waits for it",
                "webhooks",
                {200: "Webhooks", **BODY, **ONE},
                _ID,
            ),
        ),
        operation(
            "POST",
            f"{_ONE}/rotate",
            webhooks.rotate_secret,
            Document(
                "rotateWebhook",
                "Give a webhook another secret",
                "webhooks",
                {200: "WebhookWithSecret", **BODY, **ONE},
                _ID,
            ),
        ),
        operation(
            "POST",
            f"{_ONE}/test",
            webhooks.test_webhook,
            Document(
                "testWebhook",
                "Send a trial event",
                "webhooks",
                {202: "Asked", **BODY, **ONE},
                _ID,
            ),
        ),
        operation(
            "GET",
            f"{_ONE}/dead-letters",
            webhooks.list_dead_letters,
            Document(
                "listDeadLetters",
                "List the events that could not be delivered",
                "webhooks",
                {200: "DeadLetters", 400: "Refused", **ONE},
                (*_ID, *document.page_parameters()),
            ),
        ),
        operation(
            "DELETE",
            f"{_ONE}/dead-letters",
            webhooks.delete_dead_letters,
            Document(
                "deleteDeadLetters",
                "Remove all dead letters of a webhook",
                "webhooks",
                {200: "DeadLettersRemoved", **BODY, **ONE},
                _ID,
            ),
        ),
        operation(
            "POST",
            f"{_ONE}/replay",
            webhooks.replay,
            Document(
                "replayDeadLetters",
                "Send dead letters again: all, or some",
                "webhooks",
                {200: "Replayed", **BODY, **ONE},
                _ID,
                body=document.choice_of_letters(),
            ),
        ),
    )
