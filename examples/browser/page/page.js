// A page that does all that WAMP has: it calls, with progress, subscribes,
// publishes, and serves procedures to whoever calls them.
'use strict';

const prefix = 'com.example.browser.';
const show = (id, text) => { document.getElementById(id).textContent = text; };

const say = (text) => {
	const line = document.createElement('li');
	line.textContent = text;
	document.getElementById('said').append(line);
	return document.getElementById('said').children.length;
};

const connection = new autobahn.Connection({
	url: location.origin.replace(/^http/, 'ws') + '/ws',
	realm: 'realm1',
});

connection.onopen = async (session, details) => {
	show('state', `connected as session ${session.id} of ${details.realm}`);

	// Events, from the program and from other pages.
	const ticked = new Promise((resolve) => {
		session.subscribe(prefix + 'tick', ([n]) => { show('tick', `tick ${n}`); resolve(); });
	});
	await session.subscribe(prefix + 'said', ([text]) => { say(text); });
	document.getElementById('form').onsubmit = (event) => {
		event.preventDefault();
		const input = document.getElementById('text');
		session.publish(prefix + 'said', [input.value], {}, { exclude_me: false });
		input.value = '';
	};

	// Procedures of the page. The last page that was opened serves them.
	const last = { invoke: 'last' };
	await session.register(prefix + 'page.text', () => document.body.innerText, last);
	await session.register(prefix + 'page.say', ([text]) => say(text), last);

	// Calls, one of them with progress.
	show('sum', `2 + 5 = ${await session.call(prefix + 'add2', [2, 5])}`);
	const work = session.call(prefix + 'work', [20], {}, { receive_progress: true });
	const result = await work.then(
		(done) => done,
		(error) => error.error,
		(progress) => { document.getElementById('work').value = progress / 20; },
	);
	show('worked', `worked: ${result}`);
	await ticked;
	await session.publish(prefix + 'page.ready', [], {}, { acknowledge: true });
};

connection.onclose = (reason, details) => { show('state', `not connected: ${reason} ${details.reason || ''}`); };

connection.open();
