"""Requests that an OpenAPI document allows and forbids, sent to whatever it describes, and judged by schemathesis."""

from schemathesis import engine
from schemathesis.core.result import Ok
from schemathesis.engine import StopReason, events
from schemathesis.schemas import BaseSchema


def faults_of(schema: BaseSchema) -> list[str]:
    """Try every operation of a schema and return what is not as it says, each with how to see it."""
    found: dict[str, str] = {}
    tried: set[str] = set()
    for event in engine.from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            tried |= {node.value.operation.label for node in event.recorder.cases.values()}
            for case_id, checks in event.recorder.checks.items():
                for check in checks:
                    if info := check.failure_info:
                        answer = event.recorder.find_response(case_id=case_id)
                        told = f"{info.code_sample}\n{answer.status_code} {answer.text[:300]}" if answer else ""
                        found.setdefault(f"{event.recorder.label}: {check.name}: {info.failure.message}", told)
        elif isinstance(event, events.NonFatalError | events.FatalError):
            found[repr(event)] = ""
        elif isinstance(event, events.EngineFinished):
            found |= {failure.message: "" for failure in event.failures}
            assert event.stop_reason is StopReason.COMPLETED
    everything = {found.ok().label for found in schema.get_all_operations() if isinstance(found, Ok)}
    assert everything <= tried, "some operations were not tried"
    return [f"{fault}\n{how}\n" for fault, how in sorted(found.items())]
