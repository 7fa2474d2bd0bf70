# A client with the rules of Kite's Python ticker, which is in no package here: tells what happens as lines of JSON.
# python3 kite-ticker-rules.py '{"root":..,"access_token":..,"quote":[..],"full":[..],"ltp":[..]}'
import asyncio
import json
import struct
import sys
from datetime import datetime, timezone

import websockets

DIVISORS = {3: 10_000_000.0, 6: 10_000.0}
INDICES = 9


def tell(event, data=None):
    print(json.dumps({"event": event, "data": data}), flush=True)


def time_of(seconds):
    if seconds == 0:
        return None
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def tick_of(packet):
    words = struct.unpack(f">{len(packet) // 4}I", packet)
    segment = words[0] & 0xFF
    divisor = DIVISORS.get(segment, 100.0)
    price = lambda at: words[at] / divisor
    tick = {"tradable": segment != INDICES, "instrument_token": words[0], "last_price": price(1)}
    if len(packet) == 8:
        return {**tick, "mode": "ltp"}
    if len(packet) in (28, 32):
        tick["mode"] = "quote" if len(packet) == 28 else "full"
        tick["ohlc"] = {"high": price(2), "low": price(3), "open": price(4), "close": price(5)}
        if len(packet) == 32:
            tick["exchange_timestamp"] = time_of(words[7])
    elif len(packet) in (44, 184):
        tick["mode"] = "quote" if len(packet) == 44 else "full"
        names = ["last_traded_quantity", None, "volume_traded", "total_buy_quantity", "total_sell_quantity"]
        tick.update({name: words[2 + i] for i, name in enumerate(names) if name})
        tick["average_traded_price"] = price(3)
        tick["ohlc"] = {"open": price(7), "high": price(8), "low": price(9), "close": price(10)}
    else:
        raise ValueError(f"packet of {len(packet)} bytes")
    close = tick["ohlc"]["close"]
    tick["change"] = (tick["last_price"] - close) * 100 / close if close else 0
    if len(packet) == 184:
        tick.update({"last_trade_time": time_of(words[11]), "exchange_timestamp": time_of(words[15])})
        tick.update({"oi": words[12], "oi_day_high": words[13], "oi_day_low": words[14]})
        levels = [struct.unpack(">IIH", packet[at : at + 10]) for at in range(64, 184, 12)]
        depth = [{"quantity": q, "price": p / divisor, "orders": n} for q, p, n in levels]
        tick["depth"] = {"buy": depth[:5], "sell": depth[5:]}
    return tick


def ticks_of(frame):
    (count,) = struct.unpack_from(">H", frame)
    at = 2
    ticks = []
    for _ in range(count):
        (length,) = struct.unpack_from(">H", frame, at)
        ticks.append(tick_of(frame[at + 2 : at + 2 + length]))
        at += 2 + length
    if at != len(frame):
        raise ValueError(f"{len(frame)} bytes, {at} in packets")
    return ticks


async def main(settings):
    url = f"{settings['root']}?api_key=any_app&access_token={settings['access_token']}"
    async with websockets.connect(url, extra_headers={"X-Kite-Version": "3"}) as socket:
        tell("connect", {"extensions": [extension.name for extension in socket.extensions]})
        # It takes a ping without a pong for the end of the connection.
        await asyncio.wait_for(await socket.ping(), 5)
        tell("pong")
        everything = settings["quote"] + settings["full"] + settings["ltp"]
        await socket.send(json.dumps({"a": "subscribe", "v": everything}))
        for mode in ("full", "ltp"):
            await socket.send(json.dumps({"a": "mode", "v": [mode, settings[mode]]}))
        async for message in socket:
            if isinstance(message, str):
                tell("text", json.loads(message))
            elif len(message) > 4:
                tell("ticks", ticks_of(message))
            else:
                tell("heartbeat", list(message))


asyncio.run(main(json.loads(sys.argv[1])))
