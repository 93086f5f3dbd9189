// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What makes libcpod feel at home in GJS:
//
//     imports.searchPath.unshift('/usr/share/cpod-1.0/gjs');
//     const {Cpod} = imports.cpod;
//
//     const client = await Cpod.Client.new(Gio.BusType.SYSTEM, null);
//     const container = await client.create('busybox', {command: ['httpd', '-f'], name: 'web'});
//     await container.start();
//     const {output, errors, code} = await container.exec(['hostname']);
//     await container.remove({force: true, timeout: 0});
//
// Methods of the bus are methods with a promise; their last argument is an
// object of options with JavaScript's values. Errors are Cpod.Error's, as
// error.matches(Cpod.Error, Cpod.Error.NO_SUCH_CONTAINER) tells. Properties,
// signals and list models are what GJS makes of them. With client.interactive = true
// calls may ask the user for authorization.

/* exported Cpod, toOptions */

imports.gi.versions.Cpod = '1.0';
var {Cpod, Gio, GLib} = imports.gi;

const HERE = GLib.path_get_dirname(imports.system.programPath ?? '.');
const OPTIONS = loadOptions();

function loadOptions() {
    // Beside this file, wherever that was found.
    const [, path] = new Error().stack.split('\n')[0].match(/@(?:file:\/\/)?(.*?):\d+/) ?? [null, HERE];
    const file = Gio.File.new_for_path(path).get_parent().get_child('cpod-options.json');
    const [, bytes] = file.load_contents(null);
    return JSON.parse(new TextDecoder().decode(bytes));
}

function toOptions(method, options = {}) {
    const [face, name] = method.split('.');
    const known = OPTIONS[face][name];
    const dict = {};
    for (const [key, value] of Object.entries(options)) {
        const option = key.replace(/_/g, '-');
        if (known[option] === undefined)
            throw new TypeError(`${method} has no option '${option}': known are ${Object.keys(known).join(', ') || 'none'}`);
        dict[option] = value instanceof GLib.Variant ? value : new GLib.Variant(known[option], value);
    }
    return new GLib.Variant('a{sv}', dict);
}

// The text that goes with an error, without the name that it has on the bus.
function plain(error) {
    if (error instanceof GLib.Error)
        Gio.dbus_error_strip_remote_error(error);
    return error;
}

function promise(begin, finish) {
    return new Promise((resolve, reject) => {
        begin((source, result) => {
            try {
                resolve(finish(source, result));
            } catch (error) {
                reject(plain(error));
            }
        });
    });
}

function snake(name) {
    return name.replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase();
}

function camel(name) {
    return name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
}

// Whether calls by this connection may ask the user; see the client's property.
function isInteractive(connection) {
    return connection.cpodInteractive ?? false;
}

function callMethod(proxy, face, info, args) {
    const signature = (info.in_args ?? []).map(arg => arg.signature).join('');
    const takesOptions = signature.endsWith('a{sv}');
    const plainCount = (info.in_args ?? []).length - (takesOptions ? 1 : 0);
    const values = args.slice(0, plainCount);
    const parts = (info.in_args ?? []).slice(0, plainCount).map((arg, i) => new GLib.Variant(arg.signature, values[i]));
    if (takesOptions)
        parts.push(toOptions(`${face}.${info.name}`, args[plainCount]));
    const flags = isInteractive(proxy.get_connection())
        ? Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION : Gio.DBusCallFlags.NONE;
    return promise(
        done => proxy.call(info.name, GLib.Variant.new_tuple(parts), flags, GLib.MAXINT32, null, done),
        (source, result) => {
            const reply = source.call_finish(result).recursiveUnpack();
            return reply.length > 1 ? reply : reply[0];
        });
}

function giveBusMethods(face) {
    const info = Cpod[`${snake(face)}_interface_info`]();
    for (const method of info.methods) {
        // What carries descriptors has functions of the client.
        if ([...method.in_args ?? [], ...method.out_args ?? []].some(arg => arg.signature === 'h'))
            continue;
        Cpod[`${face}Proxy`].prototype[camel(snake(method.name))] = function (...args) {
            return callMethod(this, face, method, args);
        };
    }
}

for (const face of ['Runtime', 'Images', 'Image', 'Container', 'Exec', 'Job'])
    giveBusMethods(face);

for (const name of ['new', 'new_for_address', 'new_for_connection', 'new_private'])
    Gio._promisify(Cpod.Client, name, 'new_finish');
for (const name of ['close', 'get_container', 'create_container', 'list_containers', 'attach', 'open_logs', 'open_exec',
    'run', 'exec', 'get_image', 'follow_events', 'import_image', 'load_images', 'save_images', 'export_container',
    'pull_image', 'push_image', 'list_tags'])
    Gio._promisify(Cpod.Client.prototype, name, `${name}_finish`);
for (const name of ['read', 'write', 'splice', 'read_all'])
    Gio._promisify(Cpod.Stream.prototype, name, `${name}_finish`);
Gio._promisify(Cpod.LogReader.prototype, 'read', 'read_finish');

function text(bytes) {
    return new TextDecoder().decode(bytes.toArray());
}

async function collected(pending) {
    const [output, errors, code] = await pending;
    return {output: text(output), errors: text(errors), code};
}

Object.assign(Cpod.Client.prototype, {
    create(image, options) {
        return this.create_container(image, toOptions('Runtime.Create', options), null);
    },

    // Runs a container to its end: {output, errors, code}.
    runToEnd(image, options) {
        return collected(this.run(image, toOptions('Runtime.Create', options), null, null));
    },

    async containers(options) {
        return (await this.list_containers(toOptions('Runtime.ListContainers', options), null)).recursiveUnpack();
    },
});

// Whether calls, those of the client's proxies too, may ask the user for authorization.
Object.defineProperty(Cpod.Client.prototype, 'interactive', {
    get() {
        return this.get_interactive();
    },
    set(interactive) {
        this.set_interactive(interactive);
        this.get_connection().cpodInteractive = interactive;
    },
});

function clientOf(proxy) {
    proxy.cpodClient ??= Cpod.Client.new_for_connection_sync(proxy.get_connection(), null);
    proxy.cpodClient.set_interactive(isInteractive(proxy.get_connection()));
    return proxy.cpodClient;
}

Object.assign(Cpod.ContainerProxy.prototype, {
    // Runs a command to its end: {output, errors, code}.
    exec(command, options) {
        return collected(clientOf(this).exec(this.get_object_path(), command, toOptions('Container.Exec', options), null, null));
    },

    async *logs(options) {
        const reader = await clientOf(this).open_logs(this.get_object_path(), toOptions('Container.Logs', options), null);
        for (let line = await reader.read(null); line !== null; line = await reader.read(null))
            yield {text: text(line.get_text()), stream: line.get_stream(), timestamp: line.get_timestamp()};
    },
});
