"""Three servers behind HAProxy, which knows of their readiness."""

import time
import unittest

from haproxy import HAProxy
from rack import NAMES, NOBODY_ANSWERS, RackTest, Server, strict_client, wait_until

OUT_SECONDS = 1.0  # from a failed readiness to the last request


class BehindHAProxy(RackTest):
    def setUp(self) -> None:
        super().setUp()
        self.haproxy = self.enterContext(
            HAProxy(self.balancer, self.server_machines, self.folder)
        )

    def start_servers(self, *options: str) -> list[Server]:
        servers = super().start_servers(*options)
        wait_until(lambda: self.haproxy.up() == NAMES)
        return servers

    def wait_for_more(self, requests: int) -> None:
        """Until the servers together were given so many more."""
        before = sum(self.haproxy.sent().values())
        wait_until(lambda: sum(self.haproxy.sent().values()) >= before + requests)

    def test_every_server_has_its_share(self) -> None:
        servers = self.start_servers()
        load = self.start_load(strict_client(self.client, self.target), servers)
        before = self.haproxy.sent()
        self.wait_for_more(600)
        self.assert_nothing_lost(load)
        shares = [sent - before[name] for name, sent in self.haproxy.sent().items()]
        self.assertGreater(min(shares), sum(shares) / len(shares) / 2, shares)

    def test_a_rolling_restart_loses_nothing(self) -> None:
        servers = self.start_servers("--drain-delay", "2")
        load = self.start_load(strict_client(self.client, self.target), servers)
        for server in servers:
            server.drain()
            server.wait()
            server.start()
            wait_until(lambda: self.haproxy.up() == NAMES)
            wait_until(lambda: server.answered() >= 50)
        self.assert_nothing_lost(load)

    def test_a_server_that_is_not_ready_is_out_within_a_second(self) -> None:
        servers = self.start_servers("--drain-delay", "600")
        load = self.start_load(strict_client(self.client, self.target), servers)
        servers[0].drain()  # not ready, but it would serve for ten minutes
        time.sleep(OUT_SECONDS)
        before = self.haproxy.sent()[NAMES[0]]
        self.wait_for_more(300)
        self.assertEqual(self.haproxy.sent()[NAMES[0]], before)
        self.assertEqual(self.haproxy.up(), NAMES[1:])
        self.assert_nothing_lost(load)

    def test_nobody_there_is_unavailable(self) -> None:
        code, message = self.health()
        self.assertEqual(code, NOBODY_ANSWERS)
        self.assertIn("503", message)


if __name__ == "__main__":
    unittest.main()
