# SPDX-License-Identifier: LGPL-2.1-or-later
"""Test cases whose tests share one service."""

from service import Case, Service, write_conf


class ServiceCase(Case):
    """A service for all tests of the class; each leaves nothing of a container there."""

    peer = False                # by a connection of its own, without a bus
    conf = None                 # what is in its cpod.conf

    @classmethod
    def setUpClass(cls):
        cls.service = Service(cls.__name__, peer=cls.peer, **cls.environment())
        cls.addClassCleanup(cls.service.destroy)

    @classmethod
    def environment(cls):
        """What the service is started with; also for those who start it anew."""
        return {} if cls.conf is None else {'CPOD_CONF': write_conf(cls.__name__, cls.conf)}

    def tearDown(self):
        self.service.remove_all()
        self.assert_nothing_left(self.service)

    @property
    def client(self):
        """After a restart of the service it is another one."""
        return self.service.client


class BusyboxCase(ServiceCase):
    """In the service there is an image "busybox"."""

    changes = ()                # to the image, as "cpod import --change" has them

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service.client.import_busybox(changes=list(cls.changes))

    def sleeper(self, **options):
        """A container that runs, and does nothing."""
        container = self.client.create('sleep', '1000', **options)
        container.start()
        return container
