/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Print what happens to containers, beginning with the last few events on
 * record, and miss nothing in between.
 *
 * usage: events [COUNT]       print COUNT events, and end
 *
 * valac --pkg cpod-1.0 events.vala
 */

class Follower : Object {
    private Cpod.Client client;
    private MainLoop loop = new MainLoop ();
    private uint64 last = 0;
    private int left;

    public Follower (int count) throws Error {
        left = count;
        client = new Cpod.Client.sync (BusType.SYSTEM, null);
        // Signals only say that there is more: the record tells all, once and in order.
        client.runtime.event.connect (() => show_new ());
    }

    private void show_new () {
        Variant events;
        bool gap;

        try {
            client.runtime.call_get_events_sync (last, new Variant.array (new VariantType ("{sv}"), {}),
                                                 out events, out last, out gap, null);
        } catch (Error error) {
            stderr.printf ("%s\n", error.message);
            loop.quit ();
            return;
        }

        for (size_t i = 0; i < events.n_children () && left != 0; i++) {
            var dict = new VariantDict (events.get_child_value (i));
            uint64 seq = 0;
            string status = "";
            string name = "";

            dict.lookup ("seq", "t", out seq);
            dict.lookup ("status", "s", out status);
            dict.lookup ("name", "s", out name);
            print ("%s %s %s\n", seq.to_string (), status, name);
            left--;
        }

        if (left == 0)
            loop.quit ();
    }

    public void run () {
        Idle.add (() => {
            show_new ();
            return Source.REMOVE;
        });
        loop.run ();
    }
}

int main (string[] args) {
    try {
        new Follower (args.length > 1 ? int.parse (args[1]) : -1).run ();
        return 0;
    } catch (Error error) {
        stderr.printf ("%s\n", error.message);
        return 1;
    }
}
