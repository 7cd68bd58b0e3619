"""Drives `annals mcp` with the official client through design, review and proof: what an agent does, without the agent.

Usage: mcp_client.py ANNALS FOLDER MODE, with a MODE of the client (auto, legacy). FOLDER is where the server works. It
fails at the first thing that is not as it has to be.
"""

import asyncio
import sys
from pathlib import Path

from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client

TOOLS = {"check", "explain", "fit", "diff", "generate", "verify", "sample"}

MODEL = """\
annals: 1
context: parking
streams:
  stay:
    key: stay-{stay_id}
    why: a stay is paid once, for the time between its gates
    concurrency: expected-version
    length: { usual: 3, most: 12 }
    closes: [StayEnded]
    retain: { for: 2y, then: delete }
events:
  GateEntered: { stream: stay, fields: { stay_id: uuid, gate: text, at: time } }
  StayPaid: { stream: stay, fields: { stay_id: uuid, cents: int } }
  StayEnded: { stream: stay, fields: { stay_id: uuid, at: time } }
commands:
  Enter: { stream: stay, expects: new-stream, once-per: stay_id, emits: [GateEntered] }
  Pay: { stream: stay, once-per: command_id, emits: [StayPaid], rejects: [PaidAlready] }
  Leave: { stream: stay, once-per: command_id, emits: [StayEnded], rejects: [NotPaid] }
projections:
  open_stays:
    from: [GateEntered, StayEnded]
    key: stay_id
    fields: { stay_id: uuid, since: time }
    duplicates: skip-by-position
    rebuild: side-by-side
"""

CARELESS = """\
CREATE TABLE events (
  position bigserial PRIMARY KEY, stream_id text NOT NULL, version bigint,
  event_type text NOT NULL, payload jsonb NOT NULL, created_at timestamptz NOT NULL,
  UNIQUE (stream_id, version)
);
"""


def files(name, text):
    return [{"name": name, "text": text}]


def text(result):
    return "\n".join(block.text for block in result.content)


async def call(client, tool, **arguments):
    """The structured result of a call that has to be answered."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, f"{tool}: {text(result)}"
    assert set(result.structured_content) == {"ok", "status", "output", "notes"}, result.structured_content
    return result.structured_content


async def refused(client, tool, **arguments):
    """What a call says that has to be refused."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error, f"{tool}: {result.structured_content}"
    return text(result)


async def lists(client):
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert set(tools) == TOOLS, tools.keys()
    assert all(tool.input_schema["additionalProperties"] is False for tool in tools.values())
    assert not tools["verify"].annotations.read_only_hint and tools["check"].annotations.read_only_hint
    prompts = {prompt.name for prompt in (await client.list_prompts()).prompts}
    assert prompts == {"design", "review", "should-i"}, prompts
    templates = {it.uri_template for it in (await client.list_resource_templates()).resource_templates}
    assert "annals://rules/{rule}" in templates, templates
    for resource in (await client.list_resources()).resources:
        contents = (await client.read_resource(resource.uri)).contents
        assert len(contents[0].text) > 200, resource.uri


async def design(client):
    prompt = await client.get_prompt("design", {"domain": "a car park", "database": "sqlite"})
    assert "a car park" in prompt.messages[0].content.text
    form = await call(client, "fit")
    assert "past" in form["output"], form
    verdict = await call(client, "fit", answers={"logic": 0}, on="sqlite")
    assert verdict["output"]["verdict"] == "crud", verdict
    assert "CREATE TABLE" in verdict["output"]["alternative"]["code"], verdict
    careless = MODEL.replace("concurrency: expected-version", "").replace("GateEntered", "EnterGate")
    found = await call(client, "check", files=files("annals.yaml", careless))
    rules = {finding["rule"] for finding in found["output"]["findings"]}
    assert not found["ok"] and {"AN102", "AN301"} <= rules, rules
    clean = await call(client, "check", files=files("annals.yaml", MODEL))
    assert clean["ok"] and clean["output"]["summary"]["errors"] == 0, clean
    return clean


async def generated(client):
    """What is made of the model, where it is made."""
    result = await client.call_tool("generate", {"what": "mermaid", "files": files("annals.yaml", MODEL)})
    assert not result.is_error, text(result)
    made = {file["path"]: file["text"] for file in result.structured_content["output"]}
    assert "GateEntered" in made["flow.mmd"], made
    made = (await call(client, "generate", what="rust", files=files("annals.yaml", MODEL)))["output"]
    made = {file["path"]: file["text"] for file in made}
    assert "enum StayEvent" in made["src/generated/stay.rs"] and "src/stay.rs" in made, made.keys()
    wrong = await refused(client, "generate", what="rust", files=files("annals.yaml", "annals: 1\nstraems: {}\n"))
    assert "streams" in wrong and "annals-mcp-" not in wrong, wrong


async def second_version(client):
    """A field more: the upcast that is missing is named, and with it all is well."""
    more = MODEL.replace("stay_id: uuid, cents: int }", "stay_id: uuid, cents: int, by: text }, version: 2")
    old = files("annals.yaml", MODEL)
    broken = await call(client, "diff", old_files=old, new_files=files("annals.yaml", more))
    assert not broken["ok"] and "upcast: { 1: { add: { by:" in str(broken["output"]), broken
    mended = more.replace("version: 2", "version: 2, upcast: { 1: { add: { by: card } } }")
    kept = await call(client, "diff", old_files=old, new_files=files("annals.yaml", mended))
    assert kept["ok"], kept


async def review(client):
    assert "db/" in (await client.get_prompt("review", {"what": "db/"})).messages[0].content.text
    found = await call(client, "check", files=files("schema.sql", CARELESS), dialect="postgres")
    errors = [it for it in found["output"]["findings"] if it["severity"] == "error"]
    assert [it["rule"] for it in errors] == ["AN203"], errors
    assert errors[0]["place"]["text"]["file"] == "schema.sql", errors
    page = await call(client, "explain", rule="AN203")
    assert page["output"].startswith("# AN203 guard-with-null"), page
    mended = CARELESS.replace("version bigint,", "version bigint NOT NULL,")
    assert (await call(client, "check", files=files("schema.sql", mended)))["ok"]


async def prove(client, folder):
    told = []

    async def progress(done, total, message):
        told.append(message)

    result = await client.call_tool(
        "verify", {"scratch": "memory:", "rules": [1, 3, 4, 6, 9]}, progress_callback=progress
    )
    assert not result.is_error, text(result)
    rules = result.structured_content["output"]
    assert [rule["rule"] for rule in rules] == [1, 3, 4, 6, 9], rules
    proved = await call(client, "verify", scratch="sqlite:scratch.db?create=yes", rules=[1, 4, 6, 15])
    assert proved["ok"] and all(rule["result"] == "ok" for rule in proved["output"]), proved
    assert (folder / "scratch.db").exists()
    stay = await call(client, "verify", scratch="sqlite:scratch.db", model_files=files("annals.yaml", MODEL))
    steps = {it["step"]: it["result"] for it in stay["output"] if "step" in it}
    assert stay["ok"] and "open_stays: built anew" in steps and set(steps.values()) == {"ok"}, stay
    # A mistyped path is no database, and nothing is made there.
    assert "no-such" in await refused(client, "verify", scratch="sqlite:no-such.db", rules=[1])
    assert not (folder / "no-such.db").exists()


async def look(client):
    """The store that the server was started with has values that nobody is shown."""
    result = await client.call_tool("sample", {})
    assert not result.is_error, text(result)
    types = result.structured_content["output"]["types"]
    assert [it["type"] for it in types] == ["customer-registered"], types
    assert types[0]["versions"][0]["fields"][0]["looks_like"] == {"mail": 2}, types
    assert "example.com" not in text(result) + str(result.structured_content)


async def malformed(client):
    for tool, arguments, says in [
        ("check", {"path": "."}, "unknown field"),
        ("check", {"files": files("../../etc/passwd", "x")}, "no name of a file"),
        ("check", {"paths": ["no-such-folder"]}, "no-such-folder"),
        ("check", {"store": "postgres://app:s3cret@127.0.0.1:1/shop"}, "could not connect"),
        ("explain", {"rule": "AN23"}, "AN203"),
        ("explain", {"rule": "--help"}, "--help"),
        ("verify", {}, "scratch"),
        ("diff", {"new": "a"}, "compared with what"),
    ]:
        said = await refused(client, tool, **arguments)
        assert says in said and "s3cret" not in said and "panicked" not in said, said
    for wrong in [
        client.call_tool("append", {}),
        client.read_resource("annals://rules/AN999"),
        client.get_prompt("design", {}),
        client.get_prompt("delete", {}),
    ]:
        try:
            answer = await wrong
        except MCPError as error:
            assert error.error.code in (-32602, -32002), error.error
        else:
            raise AssertionError(f"answered: {answer}")


async def main(annals, folder, mode):
    server = StdioServerParameters(
        command=annals, args=["mcp"], cwd=folder, env={"ANNALS_STORE": "sqlite:shop.db"}
    )
    async with Client(stdio_client(server), mode=mode) as client:
        print("protocol", client.protocol_version)
        await lists(client)
        await design(client)
        await generated(client)
        await second_version(client)
        await review(client)
        await prove(client, folder)
        await look(client)
        await malformed(client)
        # Several at once, each answered with its own.
        pages = await asyncio.gather(*(call(client, "explain", rule=rule) for rule in ["AN201", "AN202"] * 8))
        assert [page["output"][2:7] for page in pages] == ["AN201", "AN202"] * 8
    print("all well")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
