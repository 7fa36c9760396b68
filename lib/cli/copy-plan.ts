import { stat } from '../promises.js';
import { codeOf, Failure, reasonOf } from './failure.js';

/** What is copied where. */
export interface CopyPlan {
  source: string;
  destination: string;
  /** Bytes. */
  size: number;
}

/** @throws Failure when the source cannot be copied */
export async function planCopy(source: string, destination: string): Promise<CopyPlan> {
  try {
    const { size } = await stat(source);
    return { source, destination, size };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') {
      throw new Failure(`the source '${source}' does not exist (ENOENT)`, { cause: error });
    }
    throw new Failure(`cannot use the source '${source}': ${reasonOf(error)}`, { cause: error });
  }
}
