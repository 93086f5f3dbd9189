#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Registries are asked for what they have: by their list of repositories, or by a search like that of Docker's index."""

import base64
import threading

from registry import Image, pack, to_json
from service import is_alive, main, parent_of, processes_with, wait_for
from test_hostile_registry import HostileRegistry
from test_pull import GuardedCase, PullCase


class SearchCase(PullCase):
    def search(self, term, **options):
        return self.work('Search', term, **options)

    def names(self, term, **options):
        return [row['name'] for row in self.search(term, **options)['repositories']]


class CatalogTest(GuardedCase, SearchCase):
    """Debian's docker-registry, which has the distribution specification's list and no more."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        image = Image(pack(one=b'1'), marker='search')
        for name in ('tools/hammer', 'tools/saw', 'toys/hammer'):
            cls.registry.put(name, '1', image)

    @classmethod
    def registries(cls):
        return (f'unqualified-search-registries = ["{cls.registry.host}", "127.0.0.1:1"]\n' + super().registries()
                + '[[registry]]\nlocation = "blocked.example"\nblocked = true\n'
                f'[[registry]]\nprefix = "*.renamed.example"\nlocation = "{cls.registry.host}/behind"\ninsecure = true\n')

    def test_search(self):
        host = self.registry.host
        result = self.search(f'{host}/hammer')
        self.assertEqual(result['failures'], [])
        self.assertEqual(result['repositories'], [
            {'index': host, 'name': f'{host}/{name}/hammer', 'description': '', 'stars': 0, 'official': False, 'automated': False}
            for name in ('tools', 'toys')])
        self.assertEqual(self.names(f'{host}/tools/'), [f'{host}/tools/hammer', f'{host}/tools/saw'])
        self.assertEqual(self.names(f'{host}/hammer', limit=1), [f'{host}/tools/hammer'])
        self.assertEqual(self.names(f'{host}/nail'), [])
        self.assertEqual(len(self.names(f'{host}/')), 3)
        self.assertEqual(self.names('a.renamed.example/saw'), ['a.renamed.example/tools/saw'])

    def test_several(self):
        """One of the registries for short names is not there: that is told, and the other's answer given."""
        result = self.search('saw')
        self.assertEqual([row['name'] for row in result['repositories']], [f'{self.registry.host}/tools/saw'])
        self.assertEqual(len(result['failures']), 1)
        self.assertIn('127.0.0.1:1', result['failures'][0])

    def test_refused(self):
        with self.assert_error('RegistryFailed', '127.0.0.1:1'):
            self.search('127.0.0.1:1/a')
        with self.assert_error('ImageRejected', 'blocked.example', self.registries_conf):
            self.search('blocked.example/a')
        with self.assert_error('RegistryFailed', self.registry.host):       # it has no TLS
            self.search(f'{self.registry.host}/a', **{'tls-verify': True})
        with self.assert_error('InvalidArgument', 'limit'):
            self.begin('Search', 's', 'a', limit=0)

    def test_credentials(self):
        host = self.guarded.host
        good, bad = ({'auths': {host: {'auth': base64.b64encode(text).decode()}}} for text in (b'someone:secret', b'someone:else'))
        for auth in (None, {}, bad):
            with self.assert_error('RegistryDenied', host):
                self.search(f'{host}/a', auth=auth)
        self.assertEqual(self.search(f'{host}/a', auth=good), {'repositories': [], 'failures': []})
        self.assertEqual([line for line in self.service.said().splitlines() if 'secret' in line], [])


class IndexTest(SearchCase):
    """What Debian's registry has not: a search, tokens, pages; and answers that are none."""

    TOKEN = 'a.token'

    @classmethod
    def setUpClass(cls):
        cls.hostile = HostileRegistry()
        super().setUpClass()

    @classmethod
    def registries(cls):
        return f'[[registry]]\nlocation = "{cls.hostile.host}"\ninsecure = true\n'

    @classmethod
    def tearDownClass(cls):
        cls.hostile.shutdown()
        cls.hostile.server_close()
        super().tearDownClass()

    def setUp(self):
        self.seen = []
        self.hostile.on = {}
        self.term = f'{self.hostile.host}/ham'

    def give(self, value, **headers):
        def action(handler):
            self.seen.append((handler.path, handler.headers.get('Authorization')))
            handler.give(value if isinstance(value, bytes) else to_json(value), 'application/json', **headers)
        return action

    def test_search(self):
        self.hostile.on = {'/v1/search': self.give({'num_results': 2, 'results': [
            {'name': 'hammer', 'description': 'hits ä', 'star_count': 7, 'is_official': True, 'is_automated': False},
            {'name': 'some/ham', 'description': None, 'star_count': 0, 'is_official': False, 'is_automated': True}]})}
        first, second = self.search(f'{self.hostile.host}/ham & eggs', limit=9)['repositories']
        self.assertEqual(first, {'index': self.hostile.host, 'name': f'{self.hostile.host}/hammer', 'description': 'hits ä',
                                 'stars': 7, 'official': True, 'automated': False})
        self.assertEqual((second['description'], second['official'], second['automated']), ('', False, True))
        self.assertEqual([path for path, _ in self.seen], ['/v1/search?q=ham%20%26%20eggs&n=9'])

    def test_pages(self):
        self.hostile.on = {'last=b': self.give({'repositories': ['c/ham']}),
                           'last=a': self.give({'repositories': ['b/ham', 'b/egg']},
                                               Link=f'<http://{self.hostile.host}/v2/_catalog?last=b>; rel="next"'),
                           '_catalog': self.give({'repositories': ['a/ham']}, Link='</v2/_catalog?last=a&n=1>; rel="next"')}
        self.assertEqual(self.names(self.term), [f'{self.hostile.host}/{name}/ham' for name in 'abc'])
        # Where another host is named, it is not followed.
        self.hostile.on = {'_catalog': self.give({'repositories': ['a/ham']}, Link='<http://127.0.0.2:1/v2/_catalog>; rel="next"')}
        self.assertEqual(self.names(self.term), [f'{self.hostile.host}/a/ham'])

    def test_endless_pages(self):
        self.hostile.on = {'_catalog': self.give({'repositories': []}, Link='</v2/_catalog?more>; rel="next"')}
        self.assertEqual(self.names(self.term), [])

    def guard(self, handler):
        if handler.headers.get('Authorization') == f'Bearer {self.TOKEN}':
            self.give({'repositories': ['ham']})(handler)
        else:
            handler.give(b'{}', status=401, WWW_Authenticate=(
                f'Bearer realm="http://{self.hostile.host}/token?a=b",service="some service",scope="registry:catalog:*"'))

    def test_token(self):
        self.hostile.on = {'/token': self.give({'token': self.TOKEN}), '': self.guard}
        auth = {'auths': {self.hostile.host: {'auth': base64.b64encode(b'someone:secret').decode()}}}
        self.assertEqual([row['name'] for row in self.search(self.term, auth=auth)['repositories']], [self.term])
        path, authorization = self.seen[0]
        self.assertEqual(path, '/token?a=b&service=some%20service&scope=registry%3Acatalog%3A%2A')
        self.assertEqual(authorization, 'Basic ' + base64.b64encode(b'someone:secret').decode())
        # No credentials but the token go to the registry itself.
        self.assertEqual({authorization for path, authorization in self.seen[1:]}, {f'Bearer {self.TOKEN}'})

    def test_no_token(self):
        for answer in ({}, b'nonsense', {'token': 7}):
            self.hostile.on = {'/token': self.give(answer), '': self.guard}
            with self.assert_error('RegistryFailed', self.hostile.host, 'token'):
                self.search(self.term)

    def test_nonsense(self):
        for answer in (b'', b'nonsense', [], {}, {'repositories': 'all'}, {'repositories': [7]}, {'repositories': {'a': 'b'}}):
            self.hostile.on = {'_catalog': self.give(answer)}
            with self.subTest(answer=answer), self.assert_error('RegistryFailed', 'list'):
                self.search(self.term)
        self.hostile.on = {'/v1/search': self.give({'results': [{'description': 'nameless'}]})}
        with self.assert_error('RegistryFailed', 'list'):
            self.search(self.term)
        self.hostile.on = {'_catalog': self.give({'repositories': None})}      # as some say "none"
        self.assertEqual(self.names(self.term), [])

    def test_too_much(self):
        self.hostile.on = {'_catalog': self.give(b'[' + b' ' * (17 << 20))}
        with self.assert_error('RegistryFailed', 'more than there may be'):
            self.search(self.term)

    def test_statuses(self):
        for status, error in ((401, 'RegistryDenied'), (403, 'RegistryDenied'), (404, 'NoSuchImage'), (429, 'RegistryFailed'),
                              (500, 'RegistryFailed')):
            self.hostile.on = {'_catalog': self.give({'errors': [{'code': 'X', 'message': 'so it is'}]}, status=status)}
            with self.subTest(status=status), self.assert_error(error, str(status), 'so it is'):
                self.search(self.term)

    def test_silence(self):
        """A registry that does not answer: after some time, when it is cancelled, and when the caller leaves."""
        waiting = threading.Semaphore(0)

        def hang(handler):
            waiting.release()
            handler.hang()

        self.hostile.on = {'_catalog': hang}
        with self.assert_error('RegistryFailed', self.hostile.host):
            self.search(self.term, timeout=1)
        waiting.acquire()
        job = self.begin('Search', 's', self.term, timeout=0)
        self.assertTrue(waiting.acquire(timeout=60))
        self.client.call(job, 'Job', 'Cancel')
        with self.assert_error('Cancelled'):
            self.client.job_wait(job)
        wait_for(lambda: not [pid for pid in processes_with('--limit=25', 'cpod-registry')
                              if parent_of(pid) == self.service.process.pid and is_alive(pid)], 20, 'the end of cpod-registry')


main()
