// A file system (FUSE) whose server stops answering once it is mounted.
//
//   node silent-server.mjs <folder>
//
// It mounts itself there, prints "mounted" and does nothing more until it is killed. It does not
// even read requests: a request that a server has read cannot be interrupted by a signal, not even
// by SIGKILL, so no process could end. Needs the superuser.
import { spawnSync } from 'node:child_process';
import { openSync, readSync, writeSync } from 'node:fs';

const [folder] = process.argv.slice(2);
const device = openSync('/dev/fuse', 'r+');
const options = 'fd=3,rootmode=40000,user_id=0,group_id=0';
const mounted = spawnSync('mount', ['-i', '-t', 'fuse', '-o', options, 'silent', folder], {
  stdio: ['ignore', 'ignore', 'inherit', device],
});
if (mounted.status !== 0) process.exit(1);

// The first request is FUSE_INIT. Its answer (struct fuse_init_out) announces version 7.31 and the
// maximum size of a write.
const request = Buffer.alloc(1 << 20);
readSync(device, request, 0, request.length, null);
const answer = Buffer.alloc(16 + 64);
answer.writeUInt32LE(answer.length, 0);
request.copy(answer, 8, 8, 16);
answer.writeUInt32LE(7, 16);
answer.writeUInt32LE(31, 20);
answer.writeUInt32LE(65536, 36);
writeSync(device, answer);
console.log('mounted');
setInterval(() => {}, 1 << 30);
