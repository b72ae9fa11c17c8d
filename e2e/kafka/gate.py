"""Runs within the virtual environment: a gate before a broker, since Tansu's own TLS and users are not usable yet.

    python gate.py PORT BROKER_PORT FOLDER MECHANISM USER PASSWORD

Whoever comes shows a certificate of the authority in FOLDER (`ca.pem`; the gate's own are `server.pem` and `server.key`) and
logs in by SCRAM. From then on the gate hands on bytes. TLS is Python's, the other side of SCRAM is the package scramp.
"""

import asyncio
import pathlib
import ssl
import struct
import sys

from scramp import ScramException, ScramMechanism

SASL_HANDSHAKE, API_VERSIONS, SASL_AUTHENTICATE = 17, 18, 36
UNSUPPORTED_MECHANISM, AUTHENTICATION_FAILED = 33, 58


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


async def frame(reader):
    (size,) = struct.unpack(">i", await reader.readexactly(4))
    return await reader.readexactly(size)


async def send(writer, body):
    writer.write(struct.pack(">i", len(body)) + body)
    await writer.drain()


class Gate:
    """One connection that wants to log in."""

    def __init__(self, mechanism, user, password):
        self.mechanism, self.user = mechanism, user
        scram = ScramMechanism(mechanism)
        known = scram.make_auth_info(password)
        self.login = scram.make_server(lambda name: known if name == user else scram.make_auth_info("nobody's"))
        self.messages = 0

    def handshake(self, payload):
        (length,) = struct.unpack_from(">h", payload)
        is_known = payload[2:2 + length].decode() == self.mechanism
        return struct.pack(">hi", 0 if is_known else UNSUPPORTED_MECHANISM, 1) + text(self.mechanism)

    def authenticate(self, payload, version):
        """The answer to a message of SCRAM."""
        message = payload[4:].decode()
        code, said, answer = 0, struct.pack(">h", -1), b""
        try:
            if self.messages == 0:
                self.login.set_client_first(message)
                answer = self.login.get_server_first().encode()
            else:
                self.login.set_client_final(message)
                answer = self.login.get_server_final().encode()
            self.messages += 1
        except ScramException as error:
            code, said = AUTHENTICATION_FAILED, text(f"the gate does not know you: {error}")
        lifetime = struct.pack(">q", 0) if version else b""
        return struct.pack(">h", code) + said + struct.pack(">i", len(answer)) + answer + lifetime

    async def admit(self, client, to_client, broker, to_broker):
        """Whether the client has logged in."""
        while self.messages < 2:
            request = await frame(client)
            key, version, correlation, name = struct.unpack_from(">hhih", request)
            payload = request[10 + max(name, 0):]
            if key == API_VERSIONS:
                await send(to_broker, request)
                await send(to_client, await frame(broker))
            elif key == SASL_HANDSHAKE:
                await send(to_client, struct.pack(">i", correlation) + self.handshake(payload))
            elif key == SASL_AUTHENTICATE and version < 2:
                await send(to_client, struct.pack(">i", correlation) + self.authenticate(payload, version))
            else:
                return False
        return True


async def pump(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def main(port, broker_port, folder, *login):
    folder = pathlib.Path(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=folder / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(folder / "server.pem", folder / "server.key")

    async def serve(client, to_client):
        broker, to_broker = await asyncio.open_connection("127.0.0.1", int(broker_port))
        try:
            if await Gate(*login).admit(client, to_client, broker, to_broker):
                pumps = [asyncio.create_task(pump(client, to_broker)), asyncio.create_task(pump(broker, to_client))]
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
                for task in pumps:
                    task.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
        except (OSError, asyncio.IncompleteReadError):
            pass  # Either side may hang up at any time.
        finally:
            to_client.close()
            to_broker.close()

    server = await asyncio.start_server(serve, "127.0.0.1", int(port), ssl=context)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
