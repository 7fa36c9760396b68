import { beforeAll } from 'vitest';
import { unbufferedFolder } from '../helpers.js';
import { testAnyLength } from './unaligned-cases.js';

let folder: string;

beforeAll(async () => {
  folder = await unbufferedFolder();
});

testAnyLength(() => folder);
