"""request.py METHOD TARGET-URI [BODY]: sends any request and prints the whole response. request.py METHOD[,METHOD ..]: takes and answers them."""
import asyncio
import sys

import sipwright as sip


async def send(method: str, target: str, body: str = "") -> int:
    async with sip.Phone("sip:example@127.0.0.1", listen="udp://127.0.0.1:0") as phone:
        response = await phone.request(
            method, target, body=body.encode(), content_type="text/plain" if body else "", headers={"Event": "x-example"}
        )
        print(response.message.decode() or f"{response.status} {response.reason}")
        return int(response.status >= 300)


async def take(methods: str) -> None:
    async with sip.Phone("sip:example@127.0.0.1", listen="udp://127.0.0.1:0", methods=methods.split(",")) as phone:
        print(phone.addresses[0], flush=True)
        async for request in phone.requests():
            print(f"{request.method} from {request.sender}: {request.body.decode()}", flush=True)
            request.answer(200, body=request.body, content_type=request.content_type)      # says it back


if len(sys.argv) == 2:
    asyncio.run(take(sys.argv[1]))
else:
    sys.exit(asyncio.run(send(*sys.argv[1:])))
