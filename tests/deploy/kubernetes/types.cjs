// Checks Kubernetes objects as strictly as an API server with strict field validation, without one.
// Each object becomes a literal in a TypeScript program, where the compiler refuses unknown, missing
// and mistyped fields; then the schema of its kind looks at the values. (Schemas alone do not refuse
// unknown fields, and types alone take any string for a quantity.)
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const {pathToFileURL} = require('node:url');
const ts = require('typescript');

const MODULES = process.env.NODE_PATH;

// The module with the types of an API version.
function moduleOf(apiVersion) {
  if (apiVersion.startsWith('monitoring.coreos.com/')) {
    return `@kubernetes-models/prometheus-operator/${apiVersion}`;
  }
  if (apiVersion.startsWith('keda.sh/')) return `@kubernetes-models/keda/${apiVersion}`;
  if (apiVersion.startsWith('serving.kserve.io/')) return './kserve_types';
  return `kubernetes-models/${apiVersion}`;
}

function declaration(object, index) {
  const literal = JSON.stringify(object, null, 1);
  return `export const object${index}: import('${moduleOf(object.apiVersion)}').I${object.kind} =\n` +
      `${literal};\n`;
}

const parsed = new Map();  // files of the packages, which do not change between programs

// The compiler's complaints about a program that is only in memory.
function compile(source) {
  // Imports are looked for from where a file is: both are beside the packages.
  const folder = path.join(MODULES, '..');
  const file = path.join(folder, 'objects.ts');
  const kserve = fs.readFileSync(path.join(__dirname, 'kserve_types.ts'), 'utf8');
  const files = {[file]: source, [path.join(folder, 'kserve_types.ts')]: kserve};
  const options = {
    strict: true, noEmit: true, skipLibCheck: true, types: [],
    target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
  };
  const host = ts.createCompilerHost(options);
  const {getSourceFile, fileExists} = host;
  host.fileExists = (name) => name in files || fileExists(name);
  host.getSourceFile = (name, version) => {
    if (name in files) return ts.createSourceFile(name, files[name], version, true);
    if (!parsed.has(name)) parsed.set(name, getSourceFile(name, version));
    return parsed.get(name);
  };
  return ts.getPreEmitDiagnostics(ts.createProgram([file], options, host));
}

// The modules know every version there ever was; Kubernetes removes those that are not stable.
function versionProblems({apiVersion, kind}) {
  const unstable = moduleOf(apiVersion).startsWith('kubernetes-models/') &&
      /alpha|beta/.test(apiVersion);
  return unstable ? [`${kind}: ${apiVersion} is not a stable version`] : [];
}

function typeProblems(objects) {
  return compile(objects.map(declaration).join('')).map(({file, start, messageText}) => {
    const line = file === undefined ? '' :
      file.text.split('\n')[file.getLineAndCharacterOfPosition(start).line].trim();
    return `${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
  });
}

async function valueProblems(object) {
  const name = moduleOf(object.apiVersion);
  if (name.startsWith('.')) return [];  // our own types say it all
  const folder = path.join(MODULES, name);
  const file = ['index.mjs', 'index.js'].map((index) => path.join(folder, index)).find(fs.existsSync);
  const {[object.kind]: Kind} = await import(pathToFileURL(file));
  try {
    new Kind(object).validate();
    return [];
  } catch (error) {
    return [`${object.kind}: ${error.message}`];
  }
}

// Sentences about what is wrong; none if all is well.
async function problems(objects) {
  const found = [...objects.flatMap(versionProblems), ...typeProblems(objects)];
  if (found.length > 0) return found;
  return (await Promise.all(objects.map(valueProblems))).flat();
}

module.exports = {problems};
