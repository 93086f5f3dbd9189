#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Jobs that outlive the connection that has started them, and how they are found again."""

import os
from contextlib import closing

from cases import BusyboxCase
from registry import base_layer
from service import NAME, NEVER, CallError, GLib, listen_for, main, wait_for
from vanish import LONG, Drain, Feed, Leaver, Traces, call_of, start_job, threads_named, wait_noticed

MAX = 3


class DetachedTest(BusyboxCase):
    conf = f'[engine]\ncaller_jobs_max = {MAX}\n'

    def tearDown(self):
        for job, known in self.client.runtime('ListJobs').items():
            if known['State'] == 'running':
                self.client.call(job, 'Job', 'Cancel')
                self.finish(job)
        for image in self.client.images('ListImages'):
            if image['names'] != ['localhost/busybox:latest']:
                self.client.images('RemoveImage', 's', image['id'])
        super().tearDown()

    def finish(self, job):
        try:
            return self.client.job_wait(job, LONG)
        except CallError as error:
            return error.name

    def begin(self, name='detached', **options):
        """An import that has come to its middle, and the client that has begun it."""
        feed = Feed(base_layer())
        leaver = Leaver(call_of('Images', 'Import', 'hs', 0, name, **options), 'taken', feed.fds)
        self.addCleanup(leaver.kill)
        feed.handed_over()
        job = leaver.line()
        feed.halfway()
        self.addCleanup(feed.end)
        return leaver, feed, job

    def leave(self, leaver, job):
        leaver.kill()
        wait_noticed(self.service, ':' + job.split('/')[-2].replace('_', '.'))

    def test_goes_on(self):
        since = self.client.last_seq()
        leaver, feed, job = self.begin(detach=True, token='mine')
        self.assertTrue(job.endswith('/mine'))
        self.leave(leaver, job)
        known = self.client.runtime('ListJobs')[job]
        self.assertEqual((known['Kind'], known['State'], known['OwnerUid'], known['Detached']), ('import', 'running', 0, True))
        self.assertEqual(self.client.properties(job, 'Job').keys(), known.keys())
        with closing(self.service.connect()) as stranger:       # the first that it wants is a property
            self.assertEqual(stranger.property(job, 'Job', 'State'), 'running')
        feed.go_on()
        result = self.client.job_wait(job, LONG)
        self.assertEqual(self.client.images('GetImage', 's', 'detached'), result['image'])
        self.assertEqual([event['status'] for event in self.client.events(since)[0]], ['import'])
        with closing(self.service.connect()) as other:          # as long as it is there, to all
            self.assertEqual(other.job_wait(job), result)
            self.assertEqual(other.runtime('ListJobs')[job]['State'], 'done')

    def test_signals_are_for_who_waits(self):
        signals = {name: [] for name in ('waits', 'looks')}
        leaver, feed, job = self.begin(detach=True)
        self.leave(leaver, job)
        with closing(self.service.connect()) as waits, closing(self.service.connect()) as looks:
            for name, client in (('waits', waits), ('looks', looks)):
                client.connection.signal_subscribe(NAME, None, None, job, None, 0,
                                                   lambda *a, heard=signals[name]: heard.append((a[4], a[5].unpack())))
                client.property(job, 'Job', 'State')
            answers = []
            for _ in range(2):      # that it waits twice does not tell it twice
                waits.connection.call(NAME, job, NAME + '.Job', 'Wait', GLib.Variant('(a{sv})', ({},)), None, 0, NEVER, None,
                                      lambda connection, answer: answers.append(connection.call_finish(answer).unpack()))
            waits.runtime('GetInfo')
            feed.go_on()
            listen_for(lambda: len(answers) == 2, LONG, 'the answers')
            self.assertEqual([values for name, values in signals['waits'] if name == 'Finished'], [('done', '', '')])
            changes = [values[1] for name, values in signals['waits'] if name == 'PropertiesChanged']
            self.assertEqual(changes[-1]['State'], 'done')
            looks.runtime('GetInfo')
            listen_for(lambda: True)
            self.assertEqual(signals['looks'], [])

    def test_cancel_by_another(self):
        traces = Traces(self.service)
        leaver, _, job = self.begin(detach=True)
        self.leave(leaver, job)
        with closing(self.service.connect()) as other:
            other.call(job, 'Job', 'Cancel')
            with self.assert_error('Cancelled'):
                other.job_wait(job, LONG)
        self.assertEqual(self.client.property(job, 'Job', 'State'), 'cancelled')
        traces.before['jobs'] = traces.look()['jobs']       # it is there for a while
        traces.assert_gone()

    def test_others_end_with_their_caller(self):
        """What a client has detached goes on, and the rest does not."""
        feeds = [Feed(base_layer()) for _ in range(2)]
        client = self.service.connect()
        kept, ended = (start_job(client, call_of('Images', 'Import', 'hs', 0, f'number-{detach}'.lower(), detach=detach), feed.fds)
                       for detach, feed in zip((True, False), feeds))
        for feed in feeds:
            feed.handed_over()
            self.addCleanup(feed.end)
            feed.halfway()
        self.assertLessEqual({kept, ended}, set(client.runtime('ListJobs')))
        self.assertEqual(set(self.client.runtime('ListJobs')) & {kept, ended}, {kept})
        with self.assert_error('NotAuthorized', 'another caller'):
            self.client.property(ended, 'Job', 'State')
        name = client.connection.get_unique_name()
        client.close()
        wait_noticed(self.service, name)
        with self.assert_error('InvalidArgument', ended):
            self.client.call(ended, 'Job', 'Wait')
        feeds[0].go_on()
        self.client.job_wait(kept, LONG)
        wait_for(lambda: threads_named(self.service.process.pid, 'cpd-job') == 0, LONG, 'the end of the other')
        self.assertEqual({name for image in self.client.images('ListImages') for name in image['names']},
                         {'localhost/busybox:latest', 'localhost/number-true:latest'})

    def test_who_waits_is_killed(self):
        leaver, feed, job = self.begin(detach=True)
        self.leave(leaver, job)
        traces = Traces(self.service)
        waiter = Leaver((job, 'Job', 'Wait', '', [], {}), 'parked')
        name = waiter.line()
        waiter.kill()
        wait_noticed(self.service, name)
        traces.assert_gone()
        feed.go_on()
        self.assertIn('id', self.client.job_wait(job, LONG))

    def test_pipe_whose_reader_is_gone(self):
        """What only the caller could do is not done without it."""
        drain = Drain()
        leaver = Leaver(call_of('Images', 'Save', 'ash', ['busybox'], 0, detach=True), 'taken', drain.fds)
        drain.handed_over()
        job = leaver.line()
        drain.halfway()
        self.leave(leaver, job)
        self.assertEqual(self.client.property(job, 'Job', 'State'), 'running')
        drain.end()
        with self.assertRaises(CallError):
            self.client.job_wait(job, LONG)
        self.assertEqual(self.client.property(job, 'Job', 'State'), 'failed')

    def test_they_count_for_their_user(self):
        """Else there would be no limit for who connects again and again."""
        jobs = []
        for number in range(MAX):
            leaver, feed, job = self.begin(f'job-{number}', detach=True)
            self.leave(leaver, job)
            jobs.append((job, feed))
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        self.addCleanup(os.close, writer)
        call = call_of('Images', 'Import', 'hs', 0, 'more')
        for options in ({}, {'detach': True}):
            with self.assert_error('LimitsExceeded', 'caller_jobs_max'):
                start_job(self.client, (*call[:5], options), [reader])
        for job, feed in jobs:
            feed.go_on()
            self.client.job_wait(job, LONG)
        self.client.import_busybox('again')

    def test_the_service_ends_them(self):
        leaver, _, job = self.begin(detach=True)
        self.leave(leaver, job)
        self.assertEqual(self.service.stop(), 0)
        self.service.start(**self.environment())
        self.assertEqual(self.client.runtime('ListJobs'), {})
        self.assert_well(self.service)

    def test_refused(self):
        with self.assert_error('InvalidArgument', 'detach'):
            start_job(self.client, call_of('Images', 'PruneImages', detach='yes'))


if __name__ == '__main__':
    main()
