"""What stands in the emulated Connect from the start: what events/ and examples/ refer to.

Two instances in us-east-1, both replicated to us-west-2, with the same queue, flow and user ids.
"""

from sandbox.connect_emulator import ConnectEmulator

REGION, REPLICA_REGION = "us-east-1", "us-west-2"
INSTANCE_ID = "11111111-1111-4111-8111-111111111111"
OTHER_INSTANCE_ID = "22222222-2222-4222-8222-222222222222"
CONTACT_FLOW_ID = "aaaaaaaa-0001-4000-8000-000000000001"
OTHER_CONTACT_FLOW_ID = "aaaaaaaa-0001-4000-8000-000000000002"
QUEUE_ID = "bbbbbbbb-0001-4000-8000-000000000001"
USER_ID = "cccccccc-0001-4000-8000-000000000001"
OTHER_USER_ID = "cccccccc-0001-4000-8000-000000000002"


def seed(emulator: ConnectEmulator) -> None:
    """Set the scene in an emulator that is empty."""
    for instance_id in (INSTANCE_ID, OTHER_INSTANCE_ID):
        instance = emulator.add_instance(instance_id, REGION, REPLICA_REGION)
        instance.contact_flows |= {CONTACT_FLOW_ID, OTHER_CONTACT_FLOW_ID}
        instance.queues |= {QUEUE_ID}
        instance.users |= {USER_ID, OTHER_USER_ID}
