/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A container's life in Vala. usage: life IMAGE NAME */

async void live (string image, string name) throws Error {
    var client = yield new Cpod.Client (BusType.SYSTEM, null);
    var options = new VariantDict ();
    options.insert_value ("name", name);
    options.insert_value ("command", new Variant.strv ({"sh", "-c", "echo logged; sleep 1000"}));
    var container = yield client.create_container (image, options.end (), null);
    print ("created %s\n", container.name);

    var none = new VariantDict ().end ();
    yield container.call_start (none, null);

    var path = ((DBusProxy) container).get_object_path ();
    int code;
    yield client.exec (path, {"sh", "-c", "exit 7"}, null, null, null, null, null, out code);
    print ("executed: %d\n", code);

    var follow = new VariantDict ();
    follow.insert_value ("follow", true);
    var reader = yield client.open_logs (path, follow.end (), null);
    var line = yield reader.read (null);
    print ("%s\n", (string) line.get_text ().get_data ());

    var force = new VariantDict ();
    force.insert_value ("force", true);
    force.insert_value ("timeout", (uint32) 0);
    yield container.call_remove (force.end (), null);
    print ("removed %s\n", name);
}

int main (string[] args) {
    var loop = new MainLoop ();
    int status = 0;

    live.begin (args[1], args[2], (object, result) => {
        try {
            live.end (result);
        } catch (Error error) {
            stderr.printf ("%s\n", error.message);
            status = 1;
        }
        loop.quit ();
    });
    loop.run ();
    return status;
}
