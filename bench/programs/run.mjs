import { programs, servers } from './programs.mjs';

// Runs one program in a process of its own and reports what the process has cost since it started:
//   node run.mjs <name> <input> <output>
// A server sends its port and works until it gets a message.
const [name, input, output] = process.argv.slice(2);

function cost() {
  const { user, system } = process.cpuUsage();
  const { maxRSS } = process.resourceUsage();
  return { wallMs: performance.now(), cpuMs: (user + system) / 1000, rssMb: maxRSS / 1024 };
}

// Whatever happens afterwards is not part of the work.
const end = () => process.send(cost(), () => process.exit());

if (Object.hasOwn(servers, name)) {
  process.send({ port: await servers[name]({ input, output }) });
  process.once('message', end);
} else {
  await programs[name]({ input, output });
  end();
}
