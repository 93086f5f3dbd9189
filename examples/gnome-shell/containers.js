// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the indicator shows, without the shell: the running containers, as a
// list of entries that is told anew whenever something in it changes.

/* exported Containers, Words, describe */

// The words beside the icon.
var describe = count => count === 0 ? '' : `${count}`;

// The words of the menu, by a function that translates them.
var Words = class {
    constructor(_) {
        this.title = _('Containers');
        this.stop = _('Stop');
        this.states = {running: _('running'), paused: _('paused'), stopping: _('stopping')};
        this.nothing = _('Nothing runs');
        this.away = _('The service is away');
    }

    entry({name, state}) {
        return `${name} (${this.states[state] ?? state})`;
    }

    // What stands there when there are no entries.
    none(available) {
        return available ? this.nothing : this.away;
    }
};

var Containers = class {
    constructor(Cpod, client, changed) {
        // What the user stops may ask the user.
        client.interactive = true;
        this.list = new Cpod.ContainerList({client, all: false});
        this.changed = changed;
        this.watched = new Map();
        this.handlers = [
            this.list.connect('items-changed', () => this.onItemsChanged()),
            this.list.connect('notify::loaded', () => this.tell()),
        ];
        this.onItemsChanged();
    }

    *items() {
        for (let i = 0; i < this.list.get_n_items(); i++)
            yield this.list.get_item(i);
    }

    onItemsChanged() {
        const now = new Set(this.items());
        for (const [item, handler] of this.watched) {
            if (!now.has(item)) {
                item.disconnect(handler);
                this.watched.delete(item);
            }
        }
        for (const item of now) {
            if (!this.watched.has(item))
                this.watched.set(item, item.connect('notify', () => this.tell()));
        }
        this.tell();
    }

    entries() {
        return [...this.items()].map(item => ({
            name: item.name, image: item.image, state: item.state,
            stop: () => item.stop(),
        }));
    }

    tell() {
        this.changed({available: this.list.loaded, entries: this.entries()});
    }

    destroy() {
        this.handlers.forEach(handler => this.list.disconnect(handler));
        for (const [item, handler] of this.watched)
            item.disconnect(handler);
        this.watched.clear();
        this.list = null;
    }
};
