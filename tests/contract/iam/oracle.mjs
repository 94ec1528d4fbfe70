// Asks @cloud-copilot/iam-simulate: one simulation a line on standard input, one answer a line on standard output.
// Run in a process of its own, from a folder outside the repository that has the package (AGPL: never in our tree).
// What runUnsafeSimulation does, but with a name for the resource's policy, without which version 0.1.173 ends.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const scope = process.argv[2] + "/node_modules/@cloud-copilot";
const require = createRequire(scope + "/iam-simulate/dist/cjs/");
const { loadPolicy } = require("@cloud-copilot/iam-policy");
const { authorize } = require("./core_engine/CoreSimulatorEngine.js");
const { AwsRequestImpl } = require("./request/request.js");
const { RequestContextImpl } = require("./requestContext.js");
const { DiscoveryContextKeyConstraints } = require("./context_keys/discoveryContextKeyConstraints.js");

const load = ({ name, policy }) => loadPolicy(policy, { name });
for await (const line of createInterface({ input: process.stdin })) {
  const { request, identityPolicies, serviceControlPolicies, resourcePolicy, permissionBoundaryPolicies } = JSON.parse(line);
  const analysis = authorize({
    request: new AwsRequestImpl(
      request.principal, request.resource, request.action, new RequestContextImpl(request.contextVariables)),
    sessionPolicy: undefined,
    identityPolicies: identityPolicies.map(load),
    serviceControlPolicies: serviceControlPolicies.map((one) => ({ ...one, policies: one.policies.map(load) })),
    resourceControlPolicies: [],
    resourcePolicy: resourcePolicy && loadPolicy(resourcePolicy, { name: "resource" }),
    permissionBoundaries: permissionBoundaryPolicies?.map(load),
    vpcEndpointPolicies: undefined,
    simulationParameters: {
      simulationMode: "Strict", discoveryContextKeyConstraints: new DiscoveryContextKeyConstraints([]) },
    serviceSettings: { s3: {} },
  });
  process.stdout.write(JSON.stringify(analysis.result) + "\n");
}
