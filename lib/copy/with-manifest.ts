import type { PathLike } from '../node/paths.js';
import { nameOf, systemPathOf } from './destination.js';
import type { FileCopyReport } from './file-copy-options.js';
import { checkManifestPlace, writeManifest } from './manifest-file.js';
import { manifestLine } from './manifest-format.js';
import type { SystemPath } from './spot.js';

/** Makes a copy, and then its manifest if one is wanted. @param run copies the file */
export async function withManifest(
  destination: PathLike,
  manifest: SystemPath | undefined,
  run: () => Promise<FileCopyReport>,
): Promise<FileCopyReport> {
  if (manifest === undefined) return run();
  const name = nameOf(systemPathOf(destination, 'destination'));
  await checkManifestPlace(manifest);
  const report = await run();
  // A file that `force: false` protects has no digest.
  if (report.hash !== undefined) await writeManifest(manifest, [manifestLine(report.hash, name)]);
  return report;
}
