/*
 * check.c - judges a configuration file with the functions that proxyd itself uses, without a running proxyd.
 */
#include "tools/proxyctl/check.h"

#include <stdio.h>

#include "conf/base/json.h"
#include "conf/load.h"
#include "tools/proxyctl/commands.h"
#include "tools/proxyctl/output.h"

static struct json *
problems_json(const char *file, const struct conf_problems *p)
{
	struct json *root = json_obj(), *list = json_arr();

	json_set_str(root, "file", file);
	json_set_bool(root, "ok", p->errors == 0);
	for (unsigned i = 0; i < p->n; i++) {
		struct json *one = json_obj();

		json_set_str(one, "file", p->v[i].at.file);
		json_set_int(one, "line", p->v[i].at.line);
		json_set_bool(one, "warning", p->v[i].warning);
		json_set_str(one, "text", p->v[i].text);
		json_push(list, one);
	}
	json_set(root, "problems", list);
	return root;
}

static void
problems_print(const char *file, const struct conf_problems *p)
{
	struct str text = STR_INIT;
	unsigned warnings = p->n - p->errors;

	conf_problems_text(p, &text);
	(void)fwrite(str_span(&text).p, 1, text.len, stdout);
	if (p->errors > 0)
		(void)printf("%s: %u error%s", file, p->errors, p->errors == 1 ? "" : "s");
	else
		(void)printf("%s: ok", file);
	if (warnings > 0)
		(void)printf(", %u warning%s", warnings, warnings == 1 ? "" : "s");
	(void)printf("\n");
	str_fini(&text);
}

int
check_file(const char *file, bool json, int *result, struct errdetail *ed)
{
	struct conf_source source = { 0 };
	struct conf_problems problems = { 0 };
	struct json *root;
	struct conf *conf;
	int rc = conf_source_read(&source, file, ed);

	if (rc != 0)
		return rc;
	*result = EXIT_OK;
	conf = conf_load(&source, &problems);
	if (json) {
		root = problems_json(file, &problems);
		*result = output_json(root);
		json_free(&root);
	} else {
		problems_print(file, &problems);
	}
	if (conf == NULL)
		*result = EXIT_FAILED;
	conf_free(&conf);
	conf_problems_fini(&problems);
	conf_source_fini(&source);
	return 0;
}
