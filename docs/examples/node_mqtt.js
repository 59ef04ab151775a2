// The same node over MQTT 5, through mosquitto_sub and mosquitto_pub: nothing to install but them.
//
//     node docs/examples/node_mqtt.js mqtt://127.0.0.1:1883
//     yidi run huaibei-outpatient-in-shanghai --engine mqtt://127.0.0.1:1883 --external insured:340600
'use strict';
const { spawn } = require('node:child_process');
const { createInterface } = require('node:readline');
const { answer } = require('./node.js');

const { hostname, port } = new URL(process.argv[2] || 'mqtt://127.0.0.1:1883');
const broker = ['-h', hostname, '-p', port, '-V', 'mqttv5', '-q', '1'];

// One line a message: response topic, correlation data, document.
const inbox = spawn('mosquitto_sub', [...broker, '-t', 'yidi/v1/+/insured-340600/+', '-F', '%R %D %p']);
createInterface({ input: inbox.stdout }).on('line', (line) => {
  const [, topic, correlation, request] = /^(\S+) (\S+) (.*)$/.exec(line);
  const outbox = spawn('mosquitto_pub', [...broker, '-t', topic, '-s',
    '-D', 'publish', 'correlation-data', correlation,
    '-D', 'publish', 'content-type', 'application/json']);
  outbox.stdin.end(JSON.stringify(answer(JSON.parse(request))));
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => { inbox.kill(); process.exit(); });
