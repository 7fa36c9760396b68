// Runs in a process of its own: imports what the argument names and says what that has cost since
// the process started.
if (process.argv[2]) await import(process.argv[2]);
const { user, system } = process.cpuUsage();
console.log(JSON.stringify({ cpuMs: (user + system) / 1000, wallMs: performance.now() }));
