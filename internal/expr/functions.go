// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/tcptune/tcptune/internal/facts"
)

// standard names what is taken over from CEL's standard library. dyn is not:
// a dynamic value is read past the provider, which gives 0 for an unknown.
// Times and unsigned numbers are not, because no fact has those types.
func standard() cel.EnvOption {
	subset := &env.LibrarySubset{}
	for _, name := range []string{
		"_?_:_", "_&&_", "_||_", "!_", "@not_strictly_false", "_<_", "_<=_", "_>_", "_>=_", "_%_", "-_", "_[_]", "@in",
		"size", "int", "double", "string", "bool", "contains", "startsWith", "endsWith", "matches",
	} {
		subset.IncludeFunctions = append(subset.IncludeFunctions, env.NewFunction(name))
	}
	return cel.StdLib(cel.StdLibSubset(subset))
}

// Function is one function of the language.
type Function struct {
	Signature string // as an author writes it: min(a, b)
	Doc       string // one sentence
	name      string
	opts      []cel.FunctionOpt // nil for those of CEL itself
}

// Functions lists the functions of the language, for its documentation and for
// completion.
func Functions() []Function {
	return append(hostFunctions(nil), append(numberFunctions(), celFunctions()...)...)
}

// hostFunctions read the examined host; adapter makes a list of lines.
func hostFunctions(adapter types.Adapter) []Function {
	text, number := cel.StringType, cel.IntType
	late := func(id string, args []*cel.Type, result *cel.Type) []cel.FunctionOpt {
		return []cel.FunctionOpt{cel.Overload(id, args, result, cel.LateFunctionBinding())}
	}
	return []Function{
		{`sysctl("KEY")`, "live value of a key as int, its first number", "sysctl", late("sysctl_string", []*cel.Type{text}, number)},
		{`sysctlAt("KEY", i)`, "number i, from 0, of a key with several numbers", "sysctlAt", late("sysctl_at_string_int", []*cel.Type{text, number}, number)},
		{`sysctlText("KEY")`, "live value of a key as text, blanks folded", "sysctlText", late("sysctl_text_string", []*cel.Type{text}, text)},
		{`sysctlDefault("KEY")`, "value that this kernel gives a key by itself on this machine, as int, its first number; tcp_mem is up to a few per cent off", "sysctlDefault", late("sysctl_default_string", []*cel.Type{text}, number)},
		{`sysctlDefaultAt("KEY", i)`, "number i, from 0, of that value", "sysctlDefaultAt", late("sysctl_default_at_string_int", []*cel.Type{text, number}, number)},
		{`sysctlExists("KEY")`, "whether the key exists in the examined namespace; false is a known answer", "sysctlExists", late("sysctl_exists_string", []*cel.Type{text}, cel.BoolType)},
		{`input("NAME")`, "number that a profile has declared as an input, as double; not for rules", "input", late("input_string", []*cel.Type{text}, cel.DoubleType)},
		{`inputText("NAME")`, "text that a profile has declared as an input; not for rules", "inputText", late("input_text_string", []*cel.Type{text}, text)},
		{`kernel.atLeast("5.4")`, "whether the running kernel has this release or a newer one", "atLeast", []cel.FunctionOpt{
			cel.MemberOverload("kernel_at_least_string", []*cel.Type{cel.ObjectType("facts.Kernel"), text}, cel.BoolType, cel.BinaryBinding(atLeast))}},
		{`files.lines("KEY")`, "lines of sysctl files that set a key; each has the facts of lines", "lines", []cel.FunctionOpt{
			cel.MemberOverload("files_lines_string", []*cel.Type{cel.ObjectType("facts.Files"), text}, cel.ListType(cel.ObjectType("facts.Line")), cel.BinaryBinding(linesOf(adapter)))}},
	}
}

// numberFunctions calculate; int and double mix freely.
func numberFunctions() []Function {
	overloads := func(name string, n int, binding cel.FunctionOpt) []cel.FunctionOpt {
		opts := []cel.FunctionOpt{binding}
		for _, s := range signatures(name, n) {
			opts = append(opts, cel.Overload(s.id, s.args, s.result))
		}
		return opts
	}
	one := func(name string, fn func(ref.Val) ref.Val, result *cel.Type) []cel.FunctionOpt {
		return []cel.FunctionOpt{cel.SingletonUnaryBinding(fn),
			cel.Overload(name+"_int", []*cel.Type{cel.IntType}, result),
			cel.Overload(name+"_double", []*cel.Type{cel.DoubleType}, result)}
	}
	percents := []cel.FunctionOpt{cel.SingletonBinaryBinding(percent)}
	for _, s := range signatures("percent", 2) {
		percents = append(percents, cel.Overload(s.id, s.args, cel.DoubleType))
	}
	return []Function{
		{"min(a, b)", "the smaller of two numbers", "min", overloads("min", 2, cel.SingletonFunctionBinding(least))},
		{"max(a, b)", "the larger of two numbers", "max", overloads("max", 2, cel.SingletonFunctionBinding(greatest))},
		{"clamp(x, lo, hi)", "x, but at least lo and at most hi", "clamp", overloads("clamp", 3, cel.SingletonFunctionBinding(clamp))},
		{"pow2ceil(x)", "the smallest power of two that is x or more", "pow2ceil", one("pow2ceil", pow2ceil, cel.IntType)},
		{"ceil(x)", "the smallest int that is x or more", "ceil", one("ceil", ceil, cel.IntType)},
		{"round(x, digits)", "x rounded to 0 to 15 decimal places", "round", []cel.FunctionOpt{cel.SingletonBinaryBinding(round),
			cel.Overload("round_int_int", []*cel.Type{cel.IntType, cel.IntType}, cel.IntType),
			cel.Overload("round_double_int", []*cel.Type{cel.DoubleType, cel.IntType}, cel.DoubleType)}},
		{"percent(part, whole)", "100 * part / whole as double", "percent", percents},
		{"numberAt(text, i)", "number i, from 0, of a text with several, as int; it is a fault where there is none", "numberAt", []cel.FunctionOpt{
			cel.SingletonBinaryBinding(numberAt), cel.Overload("number_at_string_int", []*cel.Type{cel.StringType, cel.IntType}, cel.IntType)}},
		{"bytes(n)", `n bytes as text, "4.7 MB" for 4.7 million`, "bytes", one("bytes", bytesText, cel.StringType)},
	}
}

// celFunctions documents what comes from CEL.
func celFunctions() []Function {
	return []Function{
		{Signature: "has(a.b)", Doc: "whether the fact a.b is known"},
		{Signature: "list.exists(x, cond)", Doc: "whether cond holds for at least one element x"},
		{Signature: "list.all(x, cond)", Doc: "whether cond holds for every element x"},
		{Signature: "list.exists_one(x, cond)", Doc: "whether cond holds for exactly one element x"},
		{Signature: "list.filter(x, cond)", Doc: "the elements x for which cond holds"},
		{Signature: "list.map(x, value)", Doc: "the list of value for every element x"},
		{Signature: "size(list)", Doc: "how many elements a list has, or characters a text"},
		{Signature: "text.contains(part)", Doc: "whether part occurs in text"},
		{Signature: "text.startsWith(part)", Doc: "whether text begins with part"},
		{Signature: "text.endsWith(part)", Doc: "whether text ends with part"},
		{Signature: "text.matches(regexp)", Doc: "whether the RE2 expression matches a part of text"},
		{Signature: "int(x)", Doc: "x as int; a double is cut off, a text parsed"},
		{Signature: "double(x)", Doc: "x as double"},
		{Signature: "string(x)", Doc: "x as text"},
		{Signature: "bool(text)", Doc: "text as truth value"},
	}
}

func atLeast(kernel, version ref.Val) ref.Val {
	k, ok := valueOf[*facts.Kernel](kernel)
	if !ok || k == nil {
		return missing("kernel.release")
	}
	is, known := k.AtLeast(string(version.(types.String)))
	if !known {
		return missing("kernel.release")
	}
	return types.Bool(is)
}

func linesOf(adapter types.Adapter) func(files, key ref.Val) ref.Val {
	return func(files, key ref.Val) ref.Val {
		f, ok := valueOf[*facts.Files](files)
		if !ok || f == nil {
			return missing("files")
		}
		return types.NewDynamicList(adapter, f.Lines(string(key.(types.String))))
	}
}
