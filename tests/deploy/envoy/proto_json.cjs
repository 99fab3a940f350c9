// Checks a value against a protobuf message by the rules of proto3 JSON, unknown fields refused.
'use strict';

const INTEGERS = /^(u|s)?(int|fixed)(32|64)$|^sfixed/;

// Messages whose JSON is not an object of their fields: what is wrong with `value`, or null.
const duration = (value) => /^-?\d+(\.\d{1,9})?s$/.test(value) ? null : 'expected seconds such as "1.5s"';
const anything = () => null;
const WELL_KNOWN = {
  '.google.protobuf.Duration': duration,
  '.google.protobuf.Struct': anything,
  '.google.protobuf.Value': anything,
};
const WRAPPER = /^\.google\.protobuf\.(\w+)Value$/;

function scalarProblem(type, value) {
  if (type === 'bool') return typeof value === 'boolean' ? null : 'expected true or false';
  if (type === 'string' || type === 'bytes') return typeof value === 'string' ? null : 'expected text';
  if (typeof value !== 'number') return 'expected a number';
  if (!INTEGERS.test(type)) return null;  // float or double
  return Number.isInteger(value) && (value >= 0 || !/^u|^fixed/.test(type)) ? null :
    `expected ${type}`;
}

class Checker {
  // `root`: a protobufjs Root that has all types.
  constructor(root) {
    this.root = root;
  }

  // Sentences about what is wrong with `value` as a message of `typeName`.
  problems(typeName, value) {
    return this.#message(this.root.lookupType(typeName), value, typeName);
  }

  #message(type, value, where) {
    const name = type.fullName;
    const wrapped = WRAPPER.exec(name);
    if (name in WELL_KNOWN) return say(where, WELL_KNOWN[name](value));
    if (wrapped !== null) return say(where, scalarProblem(type.fields.value.type, value));
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return say(where, `expected an object (${name})`);
    }
    if (name === '.google.protobuf.Any') return this.#any(value, where);
    return [...this.#oneofs(type, value, where), ...Object.entries(value).flatMap(([key, item]) => {
      const field = type.fields[key];
      return field === undefined ? say(where, `${name} has no field '${key}'`) :
        this.#field(field.resolve(), item, `${where}.${key}`);
    })];
  }

  // {"@type": "type.googleapis.com/NAME", and the fields of NAME}
  #any(value, where) {
    const {'@type': url, ...fields} = value;
    const name = /^type\.googleapis\.com\/([\w.]+)$/.exec(url)?.[1];
    if (name === undefined) return say(where, 'expected @type: type.googleapis.com/...');
    try {
      return this.#message(this.root.lookupType(name), fields, where);
    } catch (error) {
      return say(where, error.message);
    }
  }

  #oneofs(type, value, where) {
    return type.oneofsArray.flatMap(({oneof}) => {
      const given = oneof.filter((name) => name in value);
      return given.length < 2 ? [] : say(where, `only one of ${given.join(', ')} may be given`);
    });
  }

  #field(field, value, where) {
    if (field.map) {
      return Object.entries(value).flatMap(([key, item]) => this.#single(field, item, `${where}.${key}`));
    }
    if (!field.repeated) return this.#single(field, value, where);
    if (!Array.isArray(value)) return say(where, 'expected a list');
    return value.flatMap((item, i) => this.#single(field, item, `${where}[${i}]`));
  }

  #single({type, resolvedType}, value, where) {
    if (resolvedType === null) return say(where, scalarProblem(type, value));
    if (resolvedType.fields !== undefined) return this.#message(resolvedType, value, where);
    const names = Object.keys(resolvedType.values);
    return names.includes(value) ? [] : say(where, `expected one of ${names.join(', ')}`);
  }
}

function say(where, problem) {
  return problem === null ? [] : [`${where}: ${problem}`];
}

module.exports = {Checker};
