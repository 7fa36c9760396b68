import { afterAll } from 'vitest';
import { engine } from '../lib/index.js';
import { removeTemporaryFolders } from './helpers.js';
import './equality.js';

// Runs before each test file: no test may pass on another engine than the one it should test.
const wanted = process.env.OVERLAPPED_ENGINE;
if (!wanted) throw new Error('The tests run once per engine: OVERLAPPED_ENGINE must name it');
if (engine.kind !== wanted) {
  throw new Error(`These tests are for the engine ${wanted}, but ${engine.kind} serves`);
}

// Registered here, because helpers.js is loaded only once if test files share a process.
afterAll(removeTemporaryFolders);
