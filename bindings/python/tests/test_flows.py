"""The flows of RFC 3665 (tests/flows) against a user agent in Python."""
import asyncio
import sys
import unittest

from support import LONG, ROOT, Case, environment


class Flows(Case):
    async def test_every_flow(self):
        flows = ROOT / "tests" / "flows"
        peer = await asyncio.create_subprocess_exec(
            sys.executable, flows / "peer.py", sys.executable, flows / "ua.py", env=environment(), stdout=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(4 * LONG):
            said, _ = await peer.communicate()
        self.assertEqual(peer.returncode, 0, said.decode())
        self.assertIn(f"flows: {len(list(flows.glob('*.flow')))} passed, 0 failed", said.decode())


if __name__ == "__main__":
    unittest.main()
