import { openPartial } from './partial-target.js';
import { openNew, type Target, type TargetRequest } from './target.js';

/** Opens the file that receives the content of a copy. */
export function openTarget(request: TargetRequest): Promise<Target> {
  return request.settings.resume ? openPartial(request) : openNew(request);
}
