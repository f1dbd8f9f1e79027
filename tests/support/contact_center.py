"""A contact center made by hand: the commands of cfn-connect read it."""

from typing import Any

from sandbox import scene
from sandbox.connect_emulator import ConnectEmulator

QUICK_CONNECTS = 250
QUEUES = 12
USERS = 80
GROUPS = ("Sales lines", "Night shift")  # and the default group
# Names and descriptions that a spreadsheet or a YAML reader takes for something else.
ODD_TEXTS = (
    "+12065550100",
    "012",
    "1e3",
    "1:30",
    "2026-01-01",
    "no",
    "Null",
    "y",
    "~",
    "=SUM(A1)",
    "# 1",
    "- item",
    "a: b",
    "{a}",
    "[a]",
    "!Ref a",
    "&a *a",
    "%d @home `x`",
    "He said \"yes\", or 'no'",
    "back\\slash",
    " spaces around ",
    "tab\tand\nline",
    "Ünïcödé",
    "サポート",
    "📞 emoji 👩‍💻",
    "A-B",
    "A B",
    "Instance Id",
    "x" * 127,
)


def seed(emulator: ConnectEmulator, quick_connects: int = QUICK_CONNECTS) -> None:
    """Replace the scene by a contact center with quick connects of all types.

    Twelve queues offer them. Three groups, with the default one, have users. Calls are split.
    """
    emulator.reset()
    emulator.quick_connect_quota = 10_000
    instance = emulator.add_instance(scene.INSTANCE_ID, scene.REGION, scene.REPLICA_REGION)
    queues = [f"bbbbbbbb-0001-4000-8000-{number:012}" for number in range(QUEUES)]
    users = [f"cccccccc-0001-4000-8000-{number:012}" for number in range(USERS)]
    instance.queues |= {*queues}
    instance.users |= {*users}
    instance.contact_flows |= {*scene.CONTACT_FLOW_IDS}
    emulator.names |= {queue: f"Queue {number}" for number, queue in enumerate(queues)}
    emulator.names |= {user: f"agent{number}@example.com" for number, user in enumerate(users)}
    flows = ("Agent transfer", "Queue transfer", "Survey (v2)")
    emulator.names |= dict(zip(scene.CONTACT_FLOW_IDS, flows, strict=True))
    for number in range(quick_connects):
        name = ODD_TEXTS[number] if number < len(ODD_TEXTS) else f"Contact {number}"
        arn = emulator.add_quick_connect(
            instance,
            name,
            config(number, users, queues),
            {"team": "sales", "cost_center": "012"} if number % 5 == 0 else {},
            description=ODD_TEXTS[-number % len(ODD_TEXTS)] if number % 3 else "",
            new_id=f"dddddddd-0001-4000-8000-{number:012}",
        )
        for queue in {queues[number % QUEUES], queues[0]}:
            offered = emulator.queue_quick_connects.setdefault(
                f"{instance.arn}/queue/{queue}", set()
            )
            offered.add(arn.rpartition("/")[2])
    groups = [emulator.add_group(instance, name, f"For {name}", {"team": "a"}) for name in GROUPS]
    for index, group in enumerate([*groups, emulator.default_group(scene.INSTANCE_ID)]):
        emulator.keep_in(group, "ACTIVE")
        group["users"] |= {*users[index * 20 : index * 20 + 15], users[0]}
    shares = [(scene.REGION, 60), (scene.REPLICA_REGION, 40)]
    groups[0]["traffic"]["TelephonyConfig"] = {
        "Distributions": [{"Region": region, "Percentage": share} for region, share in shares]
    }


def config(number: int, users: list[str], queues: list[str]) -> dict[str, Any]:
    """Return the config of a quick connect: a type after the other."""
    agent, queue, survey = ({"ContactFlowId": flow} for flow in scene.CONTACT_FLOW_IDS)
    return (
        {
            "QuickConnectType": "USER",
            "UserConfig": {"UserId": users[number % len(users)], **agent},
        },
        {
            "QuickConnectType": "QUEUE",
            "QueueConfig": {"QueueId": queues[number % len(queues)], **queue},
        },
        {
            "QuickConnectType": "PHONE_NUMBER",
            "PhoneConfig": {"PhoneNumber": f"+1206555{number:04}"},
        },
        {"QuickConnectType": "FLOW", "FlowConfig": survey},
    )[number % 4]
