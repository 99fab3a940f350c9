"""Three servers without a balancer: clients know them all, as from a headless Service."""

import json
import unittest

from rack import RackTest, default_client, strict_client, wait_until

# What docs/deployment.md tells clients to use.
SERVICE_CONFIG = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "healthCheckConfig": {"serviceName": "readiness"},
}


class WithoutBalancer(RackTest):
    def test_a_rolling_restart_loses_nothing(self) -> None:
        servers = self.start_servers("--drain-delay", "2")
        target = "ipv4:" + ",".join(f"{server.machine.address}:8001" for server in servers)
        load = default_client(self.client, target, json.dumps(SERVICE_CONFIG))
        self.start_load(load, servers)
        for server in servers:
            server.drain()
            server.wait()
            server.start()
            wait_until(lambda: server.answered() >= 50)
        self.assert_nothing_lost(load)

    def test_old_connections_are_replaced_under_load(self) -> None:
        server, *_ = self.start_servers("--max-connection-age", "0.2")
        target = f"{server.machine.address}:8001"
        load = self.start_load(strict_client(self.client, target), [server])
        wait_until(lambda: server.answered() >= 3000)
        self.assert_nothing_lost(load)


if __name__ == "__main__":
    unittest.main()
