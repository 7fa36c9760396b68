import { register } from './register/register.js';

// Importing this module is its effect: `node --import overlapped/register app.js`, --require,
// import or require. docs/api/register.md says what it replaces. register() and unregister() are
// exported by overlapped/fs, whose import changes nothing.

register();
