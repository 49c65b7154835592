/*
 * Asks libpq what it makes of a connection text, for the tests that compare.
 *
 * One request a line on standard input, one answer a line on standard output:
 *
 *   keywords                        ok NAME VARIABLE ...
 *   parse TEXT                      ok KEY=VALUE ...          or: error MESSAGE
 *   connect TEXT NAME=VALUE ...     ok KEY=VALUE ...          (options and what the connection made of them)
 *
 * The first line of output is `libpq VERSION`, or says what is missing. Texts, values and messages are
 * in hexadecimal behind an `x`, so that no byte of them needs quoting. `connect`
 * replaces the whole environment by the variables given. It never leaves the
 * machine: the tests name socket directories that do not exist, or 127.0.0.1.
 *
 * The library is loaded at run time and its few functions are declared here, so
 * that neither header nor import library has to be installed.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct option
{
	char *keyword, *variable, *compiled, *value, *label, *display;
	int size;
};

static int (*lib_version)(void);
static struct option *(*defaults)(void);
static struct option *(*parse)(const char *, char **);
static void (*free_options)(struct option *);
static void (*free_memory)(void *);
static void *(*start)(const char *);
static void (*finish)(void *);
static struct option *(*options_of)(void *);
static char *(*message_of)(void *), *(*host_of)(void *), *(*port_of)(void *);
static char *(*user_of)(void *), *(*database_of)(void *), *(*password_of)(void *);

extern int clearenv(void);

static void *load(void)
{
	const char *names[] = {getenv("PGNUDGE_LIBPQ"), "libpq.so.5", "libpq.5.dylib",
						   "/opt/homebrew/opt/libpq/lib/libpq.5.dylib"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
	{
		void *library = names[i] ? dlopen(names[i], RTLD_NOW) : NULL;
		if (library)
			return library;
	}
	printf("libpq was not found: %s\n", dlerror());
	exit(3);
}

/* A function pointer out of a data pointer: ISO C has no cast for it, POSIX promises the copy. */
static void find(void *library, const char *name, void *function)
{
	void *symbol = dlsym(library, name);
	if (!symbol)
	{
		printf("libpq has no %s\n", name);
		exit(3);
	}
	memcpy(function, &symbol, sizeof symbol);
}

static void load_functions(void)
{
	void *library = load();
	find(library, "PQlibVersion", &lib_version);
	find(library, "PQconndefaults", &defaults);
	find(library, "PQconninfoParse", &parse);
	find(library, "PQconninfoFree", &free_options);
	find(library, "PQfreemem", &free_memory);
	find(library, "PQconnectStart", &start);
	find(library, "PQfinish", &finish);
	find(library, "PQconninfo", &options_of);
	find(library, "PQerrorMessage", &message_of);
	find(library, "PQhost", &host_of);
	find(library, "PQport", &port_of);
	find(library, "PQuser", &user_of);
	find(library, "PQdb", &database_of);
	find(library, "PQpass", &password_of);
}

static void put_hex(const char *text)
{
	putchar('x');
	for (; text && *text; text++)
		printf("%02x", (unsigned char) *text);
}

static void put_pair(const char *key, const char *value)
{
	printf(" %s=", key);
	put_hex(value);
}

static void put_options(const struct option *option)
{
	for (; option && option->keyword; option++)
		if (option->value)
			put_pair(option->keyword, option->value);
}

/* Decodes in place; the text ends where the digits end. */
static char *from_hex(char *text)
{
	char *out = text, *in = text + 1;
	unsigned int byte;
	if (*text != 'x')
		exit(4);
	for (; sscanf(in, "%2x", &byte) == 1; in += 2)
		*out++ = (char) byte;
	*out = '\0';
	return text;
}

static void answer_keywords(void)
{
	struct option *all = defaults();
	printf("ok");
	for (struct option *option = all; option && option->keyword; option++)
		printf(" %s %s", option->keyword, option->variable ? option->variable : "-");
	free_options(all);
}

static void answer_parse(char *text)
{
	char *message = NULL;
	struct option *options = parse(from_hex(text), &message);
	printf(options ? "ok" : "error ");
	if (options)
		put_options(options);
	else
		put_hex(message);
	free_options(options);
	free_memory(message);
}

static void answer_connect(char *text)
{
	clearenv();
	for (char *pair; (pair = strtok(NULL, " ")) != NULL;)
	{
		char *value = strchr(pair, '=');
		*value++ = '\0';
		setenv(pair, from_hex(value), 1);
	}
	void *connection = start(from_hex(text));
	struct option *options = options_of(connection);
	printf("ok");
	put_options(options);
	put_pair(".message", message_of(connection));
	put_pair(".host", host_of(connection));
	put_pair(".port", port_of(connection));
	put_pair(".user", user_of(connection));
	put_pair(".database", database_of(connection));
	put_pair(".password", password_of(connection));
	free_options(options);
	finish(connection);
}

int main(void)
{
	/* Twice the longest text in hexadecimal, and room for an environment. */
	static char line[1 << 20];
	load_functions();
	printf("libpq %d\n", lib_version());
	fflush(stdout);
	while (fgets(line, sizeof line, stdin))
	{
		line[strcspn(line, "\n")] = '\0';
		char *verb = strtok(line, " "), *text = verb ? strtok(NULL, " ") : NULL;
		if (verb && strcmp(verb, "keywords") == 0)
			answer_keywords();
		else if (text && strcmp(verb, "parse") == 0)
			answer_parse(text);
		else if (text && strcmp(verb, "connect") == 0)
			answer_connect(text);
		else
			return 4;
		putchar('\n');
		fflush(stdout);
	}
	return 0;
}
