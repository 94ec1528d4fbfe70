// Which versions npm's own reader of ranges takes, for test_spec_oracles.py. Made anew with
//   NODE_PATH="$(npm root -g)/npm/node_modules" node tests/unit/bundler/semver_table.cjs > tests/unit/bundler/semver_table.json
const semver = require("semver");

const versions = [];
for (const major of [0, 1, 2, 3])
  for (const minor of [0, 1, 2, 3])
    for (const patch of [0, 1, 2, 3, 4]) versions.push(`${major}.${minor}.${patch}`);
// Pre-releases of the first version that a range leaves out: `<2` must leave out 2.0.0-rc.1 too.
versions.push("2.0.0-rc.1", "1.3.0-rc.1", "0.3.0-rc.1", "0.0.4-rc.1", "3.0.0-rc.1");

const numbers = ["0", "1", "2"];
const releases = [...numbers];
for (const a of numbers) for (const b of numbers) releases.push(`${a}.${b}`);
for (const a of numbers) for (const b of numbers) for (const c of numbers) releases.push(`${a}.${b}.${c}`);
const full = releases.filter((text) => text.split(".").length === 3);
const short = releases.filter((text) => text.split(".").length < 3);

const specs = [
  "*", "x", "X", "", "v1.2.0", "=1.2.0", " ^ 1.2 ", "^1.2.x", "^1.x", "^0.x", "^0.0.x", "^0.1.x", "~1.x", "~1.2.x", "~0.x", "1.x.x",
  "^1.*", "~1.2.*", "x.x", "*.*",
  ">=1.2 <2", ">=1.2.0 <2.1.0", ">1.2.0 <=2.0.0", "^1.1 <1.3.0", ">= 1.2.0", "< 2.0.0", "~ 1.2",
  ...releases.flatMap((release) => [`^${release}`, `~${release}`]),
  ...short.flatMap((release) => [`${release}.x`, `${release}.*`, `${release}.X`]),
  ...full,
  "1.2 - 2.2", "1.2.1 - 2", "1 - 2", "0.1 - 1.2.1", "1.0.0 - 1.0.0",
  "^1 || ^2", "^1.2 || ^2", "1.x || 2.x", "^0.1 || ^0.2 || 0.3.x", "^1||^2", ">=1 <2 || >=2 <3", "* || ^1", "1.2 - 1 || ^2",
];

const rows = {};
for (const spec of specs)
  rows[spec] = versions.filter((version) => semver.satisfies(version, spec, { includePrerelease: true }));
console.log(JSON.stringify({ semver: require("semver/package.json").version, versions, rows }));
