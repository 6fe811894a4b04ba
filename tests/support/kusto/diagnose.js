// Reads {tables: {name: {column: type}}, queries: [text]} from standard input; writes, of each query, what is wrong.
const path = require("path");
const library = path.join(process.argv[2], "node_modules", "@kusto", "language-service-next");
require(path.join(library, "bridge.min.js"));
require(path.join(library, "Kusto.Language.Bridge.min.js"));
const kusto = globalThis.Kusto.Language;

const given = JSON.parse(require("fs").readFileSync(0, "utf8"));
const symbols = kusto.Symbols;
const tables = Object.entries(given.tables).map(([name, columns]) => {
  const schema = Object.entries(columns).map(([column, type]) => `${column}: ${type}`);
  return new symbols.TableSymbol.$ctor7(name, `(${schema.join(", ")})`, null);
});
const globals = kusto.GlobalState.Default.WithDatabase(new symbols.DatabaseSymbol.ctor("component", tables));

const found = given.queries.map((query) => {
  const diagnostics = kusto.KustoCode.ParseAndAnalyze(query, globals).GetDiagnostics();
  return Array.from({ length: diagnostics.Count }, (_, index) => {
    const one = diagnostics.getItem(index);
    return `${one.Message} (${query.substr(one.Start, one.Length)})`;
  });
});
console.log(JSON.stringify(found));
