/* The nursery's side of the producer, alone. */
#include "producer/nursery.h"

#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	return argc == 3 && strcmp(argv[1], "--nursery") == 0 && nursery_main(atoi(argv[2])) == 0
		       ? 0
		       : 1;
}
