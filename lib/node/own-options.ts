// A program, or a flaw in a package, may have added properties to Object.prototype. They are not
// options of the caller: `deleteOnClose` there would delete every file that the program opens, and
// an aborted `signal` would end every operation.

const { hasOwn } = Object;
const objectPrototype = Object.prototype;
const isEnumerable = objectPrototype.propertyIsEnumerable;
const empty = {};

// Properties that are added by assignment are enumerable, and V8 knows at once that there are none.
function isPolluted(): boolean {
  for (const name in empty) return name !== '';
  return false;
}

function isForeign(given: object, name: PropertyKey): boolean {
  if (!isEnumerable.call(objectPrototype, name)) return false;
  let object: object | null = given;
  while (object !== null && object !== objectPrototype) {
    if (hasOwn(object, name)) return false;
    object = Object.getPrototypeOf(object);
  }
  return object !== null;
}

const withoutForeign: ProxyHandler<object> = {
  get: (given, name) => (isForeign(given, name) ? undefined : Reflect.get(given, name)),
  has: (given, name) => !isForeign(given, name) && Reflect.has(given, name),
};

/** Options that were not given. */
export const noOptions = Object.freeze(Object.create(null));

/** Returns options without what programs have added to Object.prototype. Other values stay. */
export function ownOptions<T>(given: T): T {
  if (typeof given !== 'object' || given === null || !isPolluted()) return given;
  return new Proxy(given as object, withoutForeign) as T;
}
