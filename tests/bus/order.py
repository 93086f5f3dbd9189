# SPDX-License-Identifier: LGPL-2.1-or-later
"""Follows what a service tells on the wire, and holds it against its promise.

The promise is: objects and properties, then the signal of their own, then
Event, then the reply; each exactly once.
"""

from recorder import ERROR, REPLY, SIGNAL
from service import NAME, OBJECT_MANAGER, PROPERTIES, ROOT_PATH, RUNTIME

# Signals that exist besides Event, by type and status of the event.
SPECIFIC = {('container', 'create'): 'Create', ('container', 'remove'): 'Remove', ('container', 'rename'): 'Rename',
            ('system', 'refresh'): 'Refreshed'}
# The states that an object may be in once it is told what happened; it may be further than that.
ENDED = ('stopped', 'exited', 'removing')
LATEST = {'start': ('running', 'stopping', *ENDED), 'died': ENDED, 'cleanup': ('configured', 'exited', 'removing')}
KINDS = {'container': 'containers', 'image': 'images'}
JOBS = ROOT_PATH + '/jobs/'


class Mirror:
    """What a client knows that does nothing but listen."""

    def __init__(self, client=None):
        self.objects = {}
        if client is not None:
            self.objects[RUNTIME] = client.properties(RUNTIME, 'Runtime')
            for kind in KINDS.values():
                self.add_managed(client.managed(kind))

    def add_managed(self, managed):
        for path, interfaces in managed.items():
            self.objects[path] = dict(next(iter(interfaces.values())))

    def below(self, root):
        return {path: properties for path, properties in self.objects.items() if path.startswith(root + '/')}

    def take(self, case, message):
        """Follows one signal; each must tell something new."""
        path = message.object
        if message.member == 'InterfacesAdded':
            case.assertNotIn(path, self.objects)
            self.objects[path] = dict(next(iter(message.body[1].values())))
        elif message.member == 'InterfacesRemoved':
            case.assertIn(path, self.objects)
            del self.objects[path]
        elif path in self.objects or path.startswith(JOBS):
            known = self.objects.setdefault(path, {})
            _, changed, invalidated = message.body
            case.assertEqual(invalidated, [])
            case.assertTrue(changed)
            for key, value in changed.items():
                case.assertNotEqual(known.get(key), value, f'{key} is announced again')
            known.update(changed)


class Follower:
    """Checks the order among the signals of the service that has the name OWNER."""

    def __init__(self, case, owner, seq, mirror):
        self.case, self.owner, self.seq, self.mirror = case, owner, seq, mirror
        self.specific, self.touched = None, []
        self.late = False       # objects may be further than events

    def follow(self, messages):
        """Gives the statuses of the events that the messages tell of."""
        told = [self.take(message) for message in messages]
        self.case.assertIsNone(self.specific, 'a signal without its Event')
        return [status for status in told if status]

    def take(self, message):
        """Follows one message; gives the status of the event that it tells of, if it does."""
        if message.sender != self.owner or message.kind != SIGNAL:
            return None
        if message.is_object_signal:
            self.case.assertIsNone(self.specific, f'{message} comes between a signal and its Event')
            self.mirror.take(self.case, message)
            self.touched.append(message.object)
        elif message.is_specific:
            self.case.assertIsNone(self.specific)
            self.specific = message
        elif message.is_event:
            return self.take_event(message)
        return None

    def take_event(self, message):
        case = self.case
        specific, touched, self.specific, self.touched = self.specific, self.touched, None, []
        seq, _, kind, status, ident, name, _ = message.body
        case.assertEqual(seq, self.seq + 1, 'the numbers have a hole')
        self.seq = seq
        wanted = SPECIFIC.get((kind, status))
        case.assertEqual(specific.member if specific else None, wanted)
        if kind not in KINDS:
            return status
        path = f'{ROOT_PATH}/{KINDS[kind]}/{ident}'
        if specific is not None:
            case.assertEqual((*specific.body[:3], specific.body[-1]), (seq, path, ident, name))
        if not self.late:
            self.check_object(path, kind, status, name, touched)
        return status

    def check_object(self, path, kind, status, name, touched):
        """It was told before its event."""
        case, objects = self.case, self.mirror.objects
        if status == 'remove':
            case.assertNotIn(path, objects, 'the object is still there when its end is told')
        elif path in objects and 'Name' in objects[path]:
            case.assertEqual(objects[path]['Name'], name)
        if status in ('create', 'remove', 'rename') and kind == 'container':
            case.assertIn(path, touched, f'{status} is told before its object')
        # One that removes itself may be gone from the records before its end is told.
        if status in LATEST and path in objects and not objects[path]['AutoRemove']:
            case.assertIn(objects[path]['State'], LATEST[status], f'{status} is told before its object')


class Wire:
    """Follows all that went over the bus between a client, which makes one call after the other, and the service."""

    def __init__(self, case, client, owner, seq, pids):
        self.case, self.pids = case, pids
        self.client = client.connection.get_unique_name()
        self.follower = Follower(case, owner, seq, Mirror())
        self.seen = set()       # root paths whose objects the client has asked for
        self.open = {}          # serial → call without a reply
        self.jobs = set()       # paths of jobs that were begun, and have not ended
        self.finished = set()   # paths of those that have
        self.answered = set()   # Interface.Method, of calls that succeeded

    def follow(self, messages):
        for message in messages:
            self.take(message)
        self.case.assertEqual(self.jobs, set(), 'these have not told that they are over')

    def take(self, message):
        if message.is_call and message.sender == self.client:
            self.open[message.serial] = message
        elif message.kind in (REPLY, ERROR) and message.destination == self.client and message.reply_serial in self.open:
            call = self.open.pop(message.reply_serial)
            if message.kind == REPLY:
                self.take_reply(call, message)
        elif message.member == 'NameOwnerChanged' and message.body[0] == NAME and message.body[2]:
            self.follower.owner = message.body[2]
            for what in self.seen, self.jobs, self.finished:
                what.clear()
        elif message.member == 'Finished' and message.sender == self.follower.owner:
            self.case.assertNotIn(message.path, self.finished, 'its end is told twice')
            self.case.assertEqual(message.destination, self.client)
            self.finished.add(message.path)
            self.jobs.discard(message.path)
        elif self.follower.take(message) and self.pids.get(self.follower.seq):
            self.case.assertTrue(self.open or self.jobs, f'{message} comes after the reply of the call that it tells of')

    def take_reply(self, call, reply):
        if call.interface == OBJECT_MANAGER:
            self.compare(call.path, reply.body[0])
        elif call.interface == PROPERTIES and call.member == 'GetAll' and call.path == RUNTIME:
            self.compare(RUNTIME, {RUNTIME: {'': reply.body[0]}})
        elif (call.interface or '').startswith(NAME + '.'):
            self.answered.add(f'{call.interface.rpartition(".")[2]}.{call.member}')
            if call.member == 'Wait' and call.path.startswith(JOBS):
                self.case.assertIn(call.path, self.finished, 'the reply comes before the end is told')
            elif reply.body and str(reply.body[0]).startswith(JOBS) and reply.body[0] not in self.finished:
                self.jobs.add(reply.body[0])

    def compare(self, root, managed):
        """What a client is told that asks is what it has been told before."""
        mirror = self.follower.mirror
        if root not in self.seen:
            for path in [path for path in mirror.objects if path == root or path.startswith(root + '/')]:
                del mirror.objects[path]
            mirror.add_managed(managed)
        self.seen.add(root)
        now = {path: dict(next(iter(interfaces.values()))) for path, interfaces in managed.items()}
        self.case.assertEqual(now, mirror.below(root) if root != RUNTIME else {RUNTIME: mirror.objects[RUNTIME]})
