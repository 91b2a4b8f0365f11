/*
 * completion.c - a script in two parts: what is the same whatever the verbs are, and two functions made of the rows of
 * master/admin_tbl.h. A row's arguments are read as help prints them: "--name WORD" is an option with a value, words in
 * capitals stand for something, words in small letters for themselves.
 *
 * The script splits the line itself: bash would split addresses at their colons.
 */
#include "tools/proxyctl/completion.h"

#include "master/admin_request.h"

static const struct {
	const char *verb, *args;
	enum admin_who who;
} rows[CMD_MAX] = {
#define CMD(id, verb, args, who, help) [id] = { verb, args, who },
#include "master/admin_tbl.h"
#undef CMD
};

static const char frame[] =
    "# Words of the running proxyd; one that does not answer has none.\n"
    "_proxyctl_ask()\n"
    "{\n"
    "\t\"$command\" \"${front[@]}\" upstream ls --json 2>/dev/null |\n"
    "\t    sed -n \"s/.*\\\"$1\\\": \\\"\\([^\\\"]*\\)\\\".*/\\1/p\" | sort -u\n"
    "}\n"
    "\n"
    "# Fills COMPREPLY for a word that stands for something.\n"
    "_proxyctl_fill()\n"
    "{\n"
    "\tlocal words=\n"
    "\n"
    "\tcase $1 in\n"
    "\tFILE | BINARY)\n"
    "\t\tcompopt -o filenames 2>/dev/null\n"
    "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
    "\t\treturn ;;\n"
    "\tSERVICE) words=$(_proxyctl_ask service) ;;\n"
    "\tTARGET*) words=$(_proxyctl_ask target) ;;\n"
    "\tVERB) words=$_proxyctl_verbs ;;\n"
    "\tMETHOD) words='GET HEAD POST PUT DELETE OPTIONS PATCH CONNECT' ;;\n"
    "\t*[[:lower:]]*)\n"
    "\t\tfor i in ${1//|/ }; do\n"
    "\t\t\t[[ $i == *[[:lower:]]* ]] && words+=\" $i\"\n"
    "\t\tdone ;;\n"
    "\tesac\n"
    "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
    "}\n"
    "\n"
    "# Behind a verb: the value of an option, an option, or the next argument.\n"
    "_proxyctl_behind()\n"
    "{\n"
    "\tlocal kind options args last= given=0 word\n"
    "\n"
    "\tfor word in \"$@\"; do\n"
    "\t\tif [[ -n $last ]]; then\n"
    "\t\t\tlast=\n"
    "\t\telif [[ $word != -* ]]; then\n"
    "\t\t\tgiven=$((given + 1))\n"
    "\t\telif _proxyctl_value \"$verb $word\"; then\n"
    "\t\t\tlast=$word\n"
    "\t\tfi\n"
    "\tdone\n"
    "\t_proxyctl_row \"$verb\"\n"
    "\tif [[ -n $last ]]; then\n"
    "\t\t_proxyctl_value \"$verb $last\"\n"
    "\t\t_proxyctl_fill \"$kind\"\n"
    "\telif [[ $cur == -*=* ]]; then\n"
    "\t\t_proxyctl_value \"$verb ${cur%%=*}\" || return\n"
    "\t\tcur=${cur#*=}\n"
    "\t\t_proxyctl_fill \"$kind\"\n"
    "\telif [[ $cur == -* ]]; then\n"
    "\t\tmapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\")\n"
    "\telse\n"
    "\t\tset -- $args\n"
    "\t\tshift \"$given\" 2>/dev/null && _proxyctl_fill \"$1\"\n"
    "\tfi\n"
    "}\n"
    "\n"
    "# No verb yet, or half of one.\n"
    "_proxyctl_verb()\n"
    "{\n"
    "\tlocal row words=\n"
    "\n"
    "\twhile read -r row; do\n"
    "\t\t[[ $row == \"$1\"* ]] && row=${row#\"$1\"} && words+=\" ${row%% *}\"\n"
    "\tdone <<<\"$_proxyctl_verbs\"\n"
    "\t[[ -n $1 ]] || words+=' -s -n --json --watch --help'\n"
    "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\" | sort -u)\n"
    "}\n"
    "\n"
    "_proxyctl()\n"
    "{\n"
    "\tlocal IFS=$' \\t\\n' line=${COMP_LINE:0:COMP_POINT} command=$1 verb= cut cur i n\n"
    "\tlocal -a words front=()\n"
    "\n"
    "\tread -ra words <<<\"$line\"\n"
    "\t[[ $line == *[[:space:]] ]] && words+=('')\n"
    "\tn=$((${#words[@]} - 1))\n"
    "\tcur=${words[n]}\n"
    "\tCOMPREPLY=()\n"
    "\tfor ((i = 1; i < n; i++)); do\n"
    "\t\tcase ${words[i]} in\n"
    "\t\t-s | -n) front+=(\"${words[i]}\" \"${words[++i]}\") ;;\n"
    "\t\t--watch) ((i++)) ;;\n"
    "\t\t--watch=* | --json) ;;\n"
    "\t\t*) break ;;\n"
    "\t\tesac\n"
    "\tdone\n"
    "\tif ((i > n)); then\n"
    "\t\t[[ ${words[n - 1]} == -s ]] && _proxyctl_fill FILE\n"
    "\t\treturn\n"
    "\tfi\n"
    "\twords=(\"${words[@]:i:n - i}\")\n"
    "\tfor i in 2 1; do\n"
    "\t\tif ((${#words[@]} >= i)) && _proxyctl_row \"${words[*]:0:i}\"; then\n"
    "\t\t\tverb=${words[*]:0:i}\n"
    "\t\t\tbreak\n"
    "\t\tfi\n"
    "\tdone\n"
    "\tif [[ -n $verb ]]; then\n"
    "\t\t_proxyctl_behind \"${words[@]:i}\"\n"
    "\telse\n"
    "\t\t_proxyctl_verb \"${words[*]}${words[0]:+ }\"\n"
    "\tfi\n"
    "\tif [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]]; then\n"
    "\t\tcut=${cur%\"${cur##*:}\"}\n"
    "\t\tCOMPREPLY=(\"${COMPREPLY[@]#\"$cut\"}\")\n"
    "\tfi\n"
    "}\n"
    "\n"
    "complete -F _proxyctl proxyctl\n";

/* ------------------------------------------------------------------------------- what a row takes */

struct word {
	struct span text;		/* without brackets and dots */
	bool option, closed;
};

static bool
word_next(struct span *args, struct word *w)
{
	struct span all;

	do
		if (!span_split(args, ' ', &all))
			return false;
	while (all.n == 0 || span_eq_str(all, "|"));
	w->closed = memchr(all.p, ']', all.n) != NULL;
	while (all.n > 0 && all.p[0] == '[')
		all = span_make(all.p + 1, all.n - 1);
	while (all.n > 0 && (all.p[all.n - 1] == ']' || all.p[all.n - 1] == '.'))
		all.n--;
	w->text = all;
	w->option = all.n > 1 && all.p[0] == '-';
	return true;
}

/* The value behind an option; false: it takes none, and args is where it was. */
static bool
value_next(struct span *args, const struct word *option, struct word *value)
{
	struct span rest = *args;
	bool bar = rest.n > 0 && rest.p[0] == '|';

	if (option->closed || bar || !word_next(&rest, value) || value->option)
		return false;
	*args = rest;
	return true;
}

static void
row_case(struct str *out, unsigned i)
{
	struct span args = span_str(rows[i].args);
	struct word w, value;
	struct str plain = STR_INIT;

	str_printf(out, "\t'%s') options='", rows[i].verb);
	while (word_next(&args, &w)) {
		if (w.option) {
			str_printf(out, SPAN_FMT " ", SPAN_ARG(w.text));
			(void)value_next(&args, &w, &value);
		} else {
			str_printf(&plain, "%s" SPAN_FMT, plain.len > 0 ? " " : "",
			    SPAN_ARG(w.text));
		}
	}
	str_printf(out, "--json%s' args='" SPAN_FMT "' ;;\n",
	    rows[i].who == ADMIN_VIEW ? " --watch" : "", SPAN_ARG(str_span(&plain)));
	str_fini(&plain);
}

static void
value_cases(struct str *out, unsigned i)
{
	struct span args = span_str(rows[i].args);
	struct word w, value;

	while (word_next(&args, &w))
		if (w.option && value_next(&args, &w, &value))
			str_printf(out, "\t'%s " SPAN_FMT "') kind='" SPAN_FMT "' ;;\n",
			    rows[i].verb, SPAN_ARG(w.text), SPAN_ARG(value.text));
}

/* ------------------------------------------------------------------------------------- the script */

void
completion_bash(struct str *out)
{
	str_adds(out, "# bash completion of proxyctl; printed by \"proxyctl completion bash\".\n\n"
		      "_proxyctl_verbs='");
	for (unsigned i = 0; i < CMD_MAX; i++)
		str_printf(out, "%s%s", i > 0 ? "\n" : "", rows[i].verb);
	str_adds(out, "'\n\n_proxyctl_row()\n{\n\tcase $1 in\n");
	for (unsigned i = 0; i < CMD_MAX; i++)
		row_case(out, i);
	str_adds(out, "\t*) return 1 ;;\n\tesac\n}\n\n_proxyctl_value()\n{\n\tcase $1 in\n");
	for (unsigned i = 0; i < CMD_MAX; i++)
		value_cases(out, i);
	str_adds(out, "\t*' --watch') kind=SECONDS ;;\n\t*) return 1 ;;\n\tesac\n}\n\n");
	str_adds(out, frame);
}
