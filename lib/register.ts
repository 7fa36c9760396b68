import { register } from './register/register.js';

// Importing this module calls register(): `node --import overlapped/register app.js`, --require,
// import or require. docs/api/register.md lists the functions that it replaces. Importing
// overlapped/fs, which exports register() and unregister(), changes nothing.

register();
