"""Configuration of a secured mosquitto or NATS server: TLS, nobody anonymous, least rights.

Each node may publish under its own address and receive what is for it, and nothing else: on MQTT
`yidi/v1/{self}/#` and `yidi/v1/+/{self}/#`, on NATS the same subjects and its own consumer of the
stream. Mosquitto is configured through its dynamic-security plugin, since an `acl_file` refuses no
SUBSCRIBE. There a node is known by certificate and password, on NATS by its certificate alone.
These functions only write text; whoever calls them draws the salts and owns the files.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import msgspec

from yidi.broker.engines.batching import MESSAGE_BYTES_MAX
from yidi.broker.engines.topics import client_name, level, prepare_name

ITERATIONS = 10_000
"""Of PBKDF2. The passwords are long and drawn, so that it protects nothing but habit."""
QUEUED_MESSAGES_MAX, QUEUED_BYTES_MAX = 100_000, 256 * 1024 * 1024
"""What mosquitto keeps for one absent client."""
PACKET_BYTES_MAX = 2 * MESSAGE_BYTES_MAX
CONNECTIONS_MAX = 4_096


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where one server listens, and its files."""

    host: str
    port: int
    store: str
    ca_file: str
    certificate_file: str
    key_file: str


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """One node's entry at mosquitto. Its text shows no password."""

    address: str
    password: str
    salt: bytes

    def __repr__(self) -> str:
        return f"Login({self.address!r})"


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One server of a NATS cluster."""

    name: str
    host: str
    port: int
    """Between servers."""


# --- mosquitto ----------------------------------------------------------------------------------

_MOSQUITTO = """\
# DEV: written by `yidi up --secure` for this machine. Not for production.
listener {port} {host}
cafile {ca_file}
certfile {certificate_file}
keyfile {key_file}
require_certificate true
tls_version tlsv1.2
allow_anonymous false
plugin {plugin}
plugin_opt_config_file {logins}
retain_available false
set_tcp_nodelay true
message_size_limit {message}
max_packet_size {packet}
max_queued_messages {messages}
max_queued_bytes {queue}
max_connections {connections}
max_keepalive 300
persistence true
persistence_location {store}/
log_dest stderr
log_type error
log_type warning
log_type notice
"""


def mosquitto_conf(place: Place, *, plugin: str, logins: str, user: str = "") -> str:
    """mosquitto.conf of a secured server.

    Args:
        place: where it listens.
        plugin: path of mosquitto_dynamic_security.so.
        logins: path of the plugin's file.
        user: who it runs as, where it is started by root; else it would give its rights to a user
            who cannot read its files.
    """
    text = _MOSQUITTO.format(
        **msgspec.structs.asdict(place), plugin=plugin, logins=logins,
        message=MESSAGE_BYTES_MAX, packet=PACKET_BYTES_MAX, messages=QUEUED_MESSAGES_MAX,
        queue=QUEUED_BYTES_MAX, connections=CONNECTIONS_MAX,
    )  # fmt: skip
    return text + (f"user {user}\n" if user else "")


def dynamic_security(network: str, logins: list[Login]) -> bytes:
    """The file of the dynamic-security plugin: a client and a role for each node.

    Args:
        network: first part of the clients' names.
        logins: the nodes; their passwords are written as PBKDF2 digests.
    """
    document = {
        "defaultACLAccess": {
            # The plugin's own default lets everybody receive everything.
            "publishClientSend": False, "publishClientReceive": False,
            "subscribe": False, "unsubscribe": True,
        },
        "clients": [_client(network, login) for login in logins],
        "groups": [],
        "roles": [_role(login.address) for login in logins],
    }  # fmt: skip
    return msgspec.json.format(msgspec.json.encode(document), indent=1)


def _client(network: str, login: Login) -> dict[str, Any]:
    digest = hashlib.pbkdf2_hmac("sha512", login.password.encode(), login.salt, ITERATIONS, 64)
    return {
        "username": level(login.address),
        # Nobody takes over another one's session, even with a password of his own.
        "clientid": client_name(network, login.address),
        "roles": [{"rolename": level(login.address)}],
        "password": base64.b64encode(digest).decode(),
        "salt": base64.b64encode(login.salt).decode(),
        "iterations": ITERATIONS,
    }


def _role(address: str) -> dict[str, Any]:
    mine = level(address)
    said, heard = f"yidi/v1/{mine}/#", f"yidi/v1/+/{mine}/#"
    rights = (
        ("publishClientSend", said), ("publishClientReceive", heard), ("subscribePattern", heard),
    )  # fmt: skip
    acls = [{"acltype": kind, "topic": topic, "allow": True} for kind, topic in rights]
    return {"rolename": mine, "acls": acls}


# --- NATS ---------------------------------------------------------------------------------------

_NATS = """\
# DEV: written by `yidi up --secure` for this machine. Not for production.
listen: "{host}:{port}"
server_name: {name}
max_payload: {payload}
max_connections: {connections}
tls {{
  cert_file: "{certificate_file}"
  key_file: "{key_file}"
  ca_file: "{ca_file}"
  verify_and_map: true
  min_version: "1.2"
  timeout: 5
}}
jetstream {{ store_dir: "{store}", sync_interval: always }}
authorization {{
  users: {users}
}}
"""
_CLUSTER = """\
cluster {{
  name: {network}
  listen: "{host}:{port}"
  routes: {routes}
  tls {{
    cert_file: "{certificate_file}"
    key_file: "{key_file}"
    ca_file: "{ca_file}"
    verify: true
    min_version: "1.2"
    timeout: 5
  }}
}}
"""
ADMIN = "stream:admin"
"""Makes the stream, and may do nothing else."""


def nats_conf(
    place: Place, network: str, addresses: list[str], members: list[Member], number: int = 0
) -> str:
    """The configuration of one secured server.

    Args:
        place: where it listens for nodes.
        network: name of the stream, and of the cluster.
        addresses: the nodes.
        members: all servers of the cluster; one alone is none.
        number: which of them this one is.
    """
    files = msgspec.structs.asdict(place)
    users = [_admin(network), *(_user(network, address) for address in addresses)]
    text = _NATS.format(
        **files, name=members[number].name, payload=MESSAGE_BYTES_MAX + 65_536,
        connections=CONNECTIONS_MAX, users=msgspec.json.encode(users).decode(),
    )  # fmt: skip
    if len(members) == 1:
        return text
    routes = [f"tls://{member.host}:{member.port}" for member in members]
    files["port"] = members[number].port
    return text + _CLUSTER.format(
        **files, network=network, routes=msgspec.json.encode(routes).decode()
    )


def _user(network: str, address: str) -> dict[str, Any]:
    """What one node may do: its own subjects, its own consumer, its own session."""
    mine, name = level(address), client_name(network, address)
    api = "$JS.API"
    publish = [
        f"yidi.v1.{mine}.>",
        f"yidi.session.{name}",
        f"{api}.STREAM.INFO.{network}",
        f"{api}.CONSUMER.INFO.{network}.{name}",
        # With its filter in the subject: it can be made for nobody else's messages.
        f"{api}.CONSUMER.CREATE.{network}.{name}.yidi.v1.*.{mine}.*",
        f"{api}.CONSUMER.MSG.NEXT.{network}.{name}",
        f"$JS.ACK.{network}.{name}.>",
    ]
    subscribe = [
        f"_INBOX.{name}.>",
        f"_INBOX.{prepare_name(network)}.>",
        f"yidi.session.{name}",
        f"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{network}.{name}",
    ]
    return {"user": mine, "permissions": {"publish": publish, "subscribe": subscribe}}


def _admin(network: str) -> dict[str, Any]:
    publish = [f"$JS.API.STREAM.{verb}.{network}" for verb in ("INFO", "CREATE")]
    rights = {"publish": publish, "subscribe": [f"_INBOX.{prepare_name(network)}.>"]}
    return {"user": level(ADMIN), "permissions": rights}
