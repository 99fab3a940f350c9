"""Three servers behind nginx, which has to be told that one is going to stop."""

import unittest

from nginx import Nginx
from rack import NOBODY_ANSWERS, RackTest, default_client, strict_client, wait_until


class BehindNginx(RackTest):
    def setUp(self) -> None:
        super().setUp()
        self.nginx = self.enterContext(Nginx(self.balancer, self.server_machines, self.folder))

    def test_every_server_has_its_share(self) -> None:
        servers = self.start_servers()
        load = self.start_load(strict_client(self.client, self.target), servers)
        wait_until(lambda: min(server.answered() for server in servers) >= 200)
        self.assert_nothing_lost(load)

    def test_a_rolling_restart_loses_nothing(self) -> None:
        servers = self.start_servers()
        load = self.start_load(default_client(self.client, self.target), servers)
        for server in servers:
            self.nginx.take_out(server.machine)
            server.drain()
            server.wait()
            server.start()
            self.nginx.put_back()
            wait_until(lambda: server.answered() >= 50)
        self.assert_nothing_lost(load)

    def test_a_server_that_died_is_not_missed(self) -> None:
        servers = self.start_servers()
        servers[0].kill()
        load = self.start_load(strict_client(self.client, self.target), servers[1:])
        self.assert_nothing_lost(load)

    def test_nobody_there_is_unavailable(self) -> None:
        code, message = self.health()
        self.assertEqual(code, NOBODY_ANSWERS)
        self.assertIn("no server answers", message)


if __name__ == "__main__":
    unittest.main()
