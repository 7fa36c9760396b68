import { openDevice } from './device-target.js';
import { openInPlace } from './in-place-target.js';
import { openPartial } from './partial-target.js';
import { openNew, type Target, type TargetRequest } from './target.js';

/** Opens the file that receives the content of a copy. */
export async function openTarget(request: TargetRequest): Promise<Target> {
  if (request.isToDevice) return openDevice(request);
  const existing = request.settings.isInPlace ? await openInPlace(request) : undefined;
  if (existing !== undefined) return existing;
  return request.settings.resume ? openPartial(request) : openNew(request);
}
