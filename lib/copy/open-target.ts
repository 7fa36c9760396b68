import { openDevice } from './device-target.js';
import { openPartial } from './partial-target.js';
import { openNew, type Target, type TargetRequest } from './target.js';

/** Opens the file that receives the content of a copy. */
export function openTarget(request: TargetRequest): Promise<Target> {
  if (request.isToDevice) return openDevice(request);
  return request.settings.resume ? openPartial(request) : openNew(request);
}
