import { join } from 'node:path'
import { Node, Project, type SourceFile, SyntaxKind, type Symbol as TypeSymbol, ts } from 'ts-morph'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { marketEvent } from '../../schemas/event-schemas.js'
import { entries, InstalledPackage } from './installed.js'

/** The declarations of the package, as an editor sees them. */
let installed: InstalledPackage
let project: Project
let surface: SourceFile[]

beforeAll(() => {
  installed = new InstalledPackage()
  project = new Project({
    compilerOptions: {
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      target: ts.ScriptTarget.ESNext,
      types: [],
      strict: true,
      skipLibCheck: true,
    },
  })
  surface = [...entries.values()].map((file) => project.addSourceFileAtPath(join(installed.package, file)))
  project.resolveSourceFileDependencies()
}, 120_000)
afterAll(() => installed.remove())

/** The symbol itself, wherever it is imported or exported from. */
function original(symbol: TypeSymbol | undefined): TypeSymbol | undefined {
  return symbol?.getAliasedSymbol() ?? symbol
}

function isOurs(node: Node): boolean {
  return node.getSourceFile().getFilePath().includes('/tapewire/dist/')
}

/** A type parameter or a member has no name of its own that could be exported. */
function isPartOfAnother(node: Node): boolean {
  return (
    Node.isTypeParameterDeclaration(node) || Node.isPropertySignature(node) || Node.isMethodSignature(node)
  )
}

/** The types that a declaration of ours mentions. */
function mentioned(declaration: Node): TypeSymbol[] {
  return declaration
    .getDescendantsOfKind(SyntaxKind.Identifier)
    .filter((name) => {
      const parent = name.getParent()
      return (
        Node.isTypeReference(parent) ||
        Node.isExpressionWithTypeArguments(parent) ||
        Node.isTypeQuery(parent) ||
        Node.isQualifiedName(parent)
      )
    })
    .map((name) => original(name.getSymbol()))
    .filter((symbol) => symbol !== undefined)
    .filter((symbol) => !symbol.getDeclarations().some(isPartOfAnother))
}

test('every type that the public surface mentions is exported by some entry', () => {
  const exported = new Set(surface.flatMap((file) => file.getExportSymbols().map(original)))
  const missing = new Set<string>()
  for (const symbol of exported) {
    for (const declaration of symbol?.getDeclarations() ?? []) {
      if (!isOurs(declaration)) continue
      for (const other of mentioned(declaration)) {
        if (exported.has(other) || !other.getDeclarations().some(isOurs)) continue
        missing.add(`${other.getName()}, in ${symbol?.getName()}`)
      }
    }
  }
  expect([...missing].sort()).toEqual([])
}, 120_000)

test('every name of the public surface has a doc comment', () => {
  const undocumented = new Set<string>()
  for (const file of surface) {
    for (const symbol of file.getExportSymbols()) {
      const declarations = original(symbol)?.getDeclarations().filter(isOurs) ?? []
      if (declarations.length === 0) continue
      const documented = declarations.some((declaration) => {
        const carrier = Node.isVariableDeclaration(declaration)
          ? declaration.getVariableStatement()
          : declaration
        return Node.isJSDocable(carrier) && carrier.getJsDocs().length > 0
      })
      if (!documented && !Node.isSourceFile(declarations[0])) undocumented.add(symbol.getName())
    }
  }
  expect([...undocumented].sort()).toEqual([])
}, 120_000)

describe('an editor shows what each field of an event means', () => {
  test.each(
    marketEvent.options.map((option) => [option.shape.type.value, Object.keys(option.shape)] as const),
  )(
    '%s',
    (type, fields) => {
      const program = [
        `import type { MarketEvent } from 'tapewire'`,
        `declare const event: MarketEvent`,
        `if (event.type === '${type}') {`,
        ...fields.filter((field) => field !== 'type').map((field) => `  event.${field}`),
        `}`,
      ].join('\n')
      const file = project.createSourceFile(join(installed.project, `hover-${type}.ts`), program, {
        overwrite: true,
      })
      const service = project.getLanguageService().compilerObject
      const shown = (at: number) => {
        const info = service.getQuickInfoAtPosition(file.getFilePath(), at)
        return {
          docs: ts.displayPartsToString(info?.documentation),
          type: ts.displayPartsToString(info?.displayParts),
        }
      }
      const event = shown(program.lastIndexOf('event.') + 1)
      expect(event.type).toMatch(/: \w+Event$/)
      const silent = fields.filter(
        (field) => field !== 'type' && shown(program.indexOf(`  event.${field}\n`) + 8).docs === '',
      )
      expect(silent).toEqual([])
    },
    60_000,
  )
})
