"""teuthology's own client of Pelagos against a server in simulation, as its library is: `client.py http://host:5000/`."""
import sys
import time

from teuthology.config import config
from teuthology.provision import pelagos
import teuthology.provision

# Its waits, which are made for machines, are made short.
sleep = time.sleep
time.sleep = lambda seconds: sleep(min(seconds, 1))

config.load({"pelagos": {"endpoint": sys.argv[1], "machine_types": "a,b"}, "lab_domain": ""})
assert pelagos.enabled() and pelagos.get_types() == ["a", "b"]

node = pelagos.Pelagos("test_node", "sle", "15.1")
assert len(node.do_request("nodes", data="", method="GET").json()["nodes"]) == 3
answer = node.create()
assert answer.status_code == 200, answer.text
done = answer.json()
assert (done["status"], done["node"]["node"], done["os"]) == ("done", "test_node", "sle-15.1-0.1.1-29.1"), done

pelagos.park_node("ubuntu@test_node")

for name, os in (("nobody", "sle"), ("test_node2", "other")):
    try:
        pelagos.Pelagos(name, os, "15.1").create()
    except Exception as error:
        assert str(error) == "Deploy failed", error
    else:
        raise SystemExit(f"{name} with {os} was provisioned")


class Context:
    os_type, os_version, config = "sle", "15.1", {}


assert teuthology.provision.reimage(Context(), "ubuntu@test_node3", "b").status_code == 200
print("all is well")
