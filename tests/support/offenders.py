"""Tests that offend against the watch. tests/proofs/test_watch.py runs them."""

import logging

import boto3

from connect_provider.quick_connect.app import lambda_handler
from sandbox import scene
from sandbox.connect_emulator import ConnectEmulator
from tests.support.harness import Context, Sink, load_event


def test_a_response_url_in_the_log(sink: Sink) -> None:
    logging.getLogger("x").warning("PUT %s", sink.url())


def test_a_property_in_the_log(sink: Sink) -> None:
    event = load_event("quick_connect_create", sink)
    logging.getLogger("x").warning("event", extra={"event": event["ResourceProperties"]})


def test_a_property_in_print(sink: Sink) -> None:
    print(load_event("quick_connect_create", sink)["ResourceProperties"])  # noqa: T201


def test_a_call_outside_the_roles(connect: ConnectEmulator) -> None:
    client = boto3.client("connect")
    group = connect.default_group(scene.INSTANCE_ID)["Arn"]
    client.list_tags_for_resource(resourceArn=group)


def test_a_request_that_keeps_the_rules(connect: ConnectEmulator, sink: Sink) -> None:
    lambda_handler(load_event("quick_connect_create", sink), Context())
