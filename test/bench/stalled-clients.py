# Program: clients that subscribe and then never read again, with receive buffers so small that this shows at once.
# Node cannot size a socket's buffer; with the kernel's own, a client swallows megabytes before it counts as stalled.
#   stalled-clients.py PORT PATH [PATH ...] reads one subscribe message per line for all of them from standard input
#   and prints "stalled" when each has been sent; a line "close" ends it.
import base64
import os
import socket
import struct
import sys

RECEIVE_BUFFER_BYTES = 4096


def open_client(port, path):
    client = socket.socket()
    # Before the connect: the window is agreed on there.
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    client.connect(("127.0.0.1", port))
    key = base64.b64encode(os.urandom(16)).decode()
    client.sendall(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    answer = b""
    while b"\r\n\r\n" not in answer:
        chunk = client.recv(1024)
        if not chunk:
            raise SystemExit(f"refused: {answer[:100]}")
        answer += chunk
    if not answer.startswith(b"HTTP/1.1 101"):
        raise SystemExit(f"refused: {answer[:100]}")
    return client


def send_text(client, text):
    payload = text.encode()
    mask = os.urandom(4)
    size = len(payload)
    head = b"\x81" + (bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack(">H", size))
    client.sendall(head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload)))


port, paths = int(sys.argv[1]), sys.argv[2:]
clients = [open_client(port, path) for path in paths]
print("open", flush=True)
for line in sys.stdin:
    if line.strip() == "close":
        break
    for client in clients:
        send_text(client, line.strip())
    print("stalled", flush=True)
for client in clients:
    client.close()
