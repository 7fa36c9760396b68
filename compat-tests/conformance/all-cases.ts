import type { Case } from './case.js';
import * as folders from './cases/folders.js';
import * as handles from './cases/handles.js';
import * as linksAndTimes from './cases/links-and-times.js';
import * as paths from './cases/paths.js';
import * as read from './cases/read.js';
import * as signals from './cases/signals.js';
import * as write from './cases/write.js';

/** All cases, keyed by the name of their file. */
export const caseGroups: Readonly<Record<string, readonly Case[]>> = {
  folders: folders.cases,
  handles: handles.cases,
  'links-and-times': linksAndTimes.cases,
  paths: paths.cases,
  read: read.cases,
  signals: signals.cases,
  write: write.cases,
};
